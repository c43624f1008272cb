// ShardServer: what one shard owns of the broker: its logs, its group coordinator, its view of the metadata, its memory
// budgets, its fetch sessions and connections. Used on its shard only; other shards reach it through shard::call.
#pragma once

#include <memory>
#include <string>

#include "coord/coord.h"
#include "coord/topics.h"
#include "coord/transaction_coordinator.h"
#include "log/shard_log.h"
#include "meta/meta.h"
#include "server/fetch_session.h"
#include "server/handlers.h"
#include "server/node_transactions.h"
#include "server/request_metrics.h"
#include "shard/shard.h"
#include "task/budget.h"

namespace chronik::server {

class Broker;

/// What never changes while the broker runs.
struct BrokerIdentity {
  BrokerId node_id{1};
  env::Address advertised;
  std::string cluster_id;
};

class ShardServer {
 public:
  ShardServer(Broker& broker, shard::Shard& shard, const meta::BrokerConfig& config);

  Broker& broker() { return broker_; }
  shard::Shard& shard() { return shard_; }
  task::Context& context() { return shard_.context(); }
  meta::Metadata& metadata();
  meta::MetadataView& view();
  const BrokerIdentity& identity() const;

  log::ShardLog& log() { return *log_; }
  bool has_log() const { return log_ != nullptr; }
  /// All partitions are there. Shards open one after the other, and the first may have work for the last at once.
  bool is_open() const { return open_; }
  /// From open() on.
  coord::GroupCoordinator& coordinator() { return *coordinator_; }
  coord::Topics& group_topics() { return *group_topics_; }
  coord::TransactionCoordinator& transactions() { return *transactions_; }
  coord::TransactionPeers& transaction_peers() { return transaction_peers_; }
  task::Budget& request_budget() { return request_budget_; }
  task::Budget& answer_budget() { return answer_budget_; }
  FetchSessions& fetch_sessions() { return fetch_sessions_; }
  RequestMetrics& metrics() { return metrics_; }
  std::size_t connections() const { return connections_; }
  std::int32_t request_bytes_max();
  Duration idle_max();

  /// Opens the logs, recreates what recovery found, then follows the metadata.
  task::Task<Status> open(log::ShardLogOptions options, std::map<TopicPartition, log::RecoveredPartition> recovered);
  /// Counts damaged data and says so in the log, at most once a second however often a client asks.
  void report_damage(const Error& error);
  /// Serves one connection until it ends.
  void adopt(env::StreamPtr stream);
  /// No further requests are read; those in flight go on.
  void stop_reading();
  /// Whoever waits for other members of a group is answered.
  task::Task<Status> close_coordinator(Deadline until);
  /// Ends every connection.
  void close_connections();
  task::Event& connection_ended() { return connection_ended_; }

 private:
  friend class Connection;
  void follow(const meta::Image& old, const meta::Image& now);
  void forget_deleted(const meta::Image& old, const meta::Image& now);
  void follow_topic(const meta::Topic& topic, std::int32_t partitions_before, const log::LogConfig& config);
  void publish_log_metrics();
  bool mine(const TopicPartition& id) const;
  coord::GroupConfig group_settings();
  coord::TransactionConfig transaction_settings();

  Broker& broker_;
  shard::Shard& shard_;
  std::unique_ptr<log::ShardLog> log_;
  std::unique_ptr<coord::Topics> group_topics_;
  std::unique_ptr<coord::GroupCoordinator> coordinator_;
  NodeTransactions transaction_peers_{*this};
  std::unique_ptr<coord::TransactionCoordinator> transactions_;
  task::Budget request_budget_;
  task::Budget answer_budget_;
  FetchSessions fetch_sessions_;
  RequestMetrics metrics_;
  task::Event connection_ended_;
  std::map<std::uint64_t, class Connection*> live_;
  std::uint64_t next_connection_ = 0;
  std::size_t connections_ = 0;
  Instant damage_reported_{};
  bool open_ = false;
  bool stopping_ = false;
};

/// The typed settings of a partition's log.
log::LogConfig log_config(const meta::TopicConfig& topic, Duration stall);

}  // namespace chronik::server
