// Broker: the whole node. Starts the rooms in order (lock, metadata, recovery, logs, listeners), knows which shard owns
// a partition, stops gracefully. One for each process, or for each simulated node.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/shard_server.h"

namespace chronik::server {

struct BrokerOptions {
  std::string data_directory;
  env::Address listen;                    // port 0: any free one
  std::optional<env::Address> advertise;  // else where it listens
  meta::BrokerConfig config;
  std::size_t descriptors = 1024;  // that the process may have open
};

class Broker {
 public:
  Broker(shard::ShardSet& shards, BrokerOptions options);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// On shard 0. Serves when it returns. in_use: another process has the data directory or the port.
  task::Task<Status> start();
  /// On shard 0. Accepts no more, answers what is in flight, flushes; whatever has not ended by the deadline is cut
  /// off.
  task::Task<Status> stop(Deadline until);

  ShardServer& at(ShardId shard) { return *servers_[shard.value()]; }
  ShardServer& at(std::size_t shard) { return *servers_[shard]; }
  shard::ShardSet& shards() { return shards_; }
  meta::Metadata& metadata() { return *metadata_; }
  const BrokerIdentity& identity() const { return identity_; }
  const BrokerOptions& options() const { return options_; }
  /// Where clients connect, with the real port.
  const env::Address& listening() const { return listening_; }
  bool serving() const { return serving_; }

  /// Stable: depends on identity and shard count alone.
  ShardId owner(const TopicPartition& id) const;

 private:
  task::Task<Status> prepare_directory();
  task::Task<Result<wal::Generation>> begin_generation();
  task::Task<Status> open_logs(wal::Generation generation);
  log::ShardLogOptions log_options(ShardId shard, wal::Generation generation) const;
  task::Task<void> remove_old_wal(std::vector<std::string> files);
  task::Task<void> accept_connections();

  shard::ShardSet& shards_;
  BrokerOptions options_;
  BrokerIdentity identity_;
  std::shared_ptr<void> lock_;
  std::unique_ptr<meta::Metadata> metadata_;
  std::vector<std::unique_ptr<ShardServer>> servers_;
  env::ListenerPtr listener_;
  env::Address listening_;
  wal::LogId log_id_;
  bool serving_ = false;
  bool stopping_ = false;
};

}  // namespace chronik::server
