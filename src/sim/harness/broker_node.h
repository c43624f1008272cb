// BrokerNode: a broker process on a machine of the world, built from the production rooms, and whoever restarts it:
// like a service manager it starts the process again a while after it died, and after its disk failed for good.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/broker.h"
#include "sim/harness/history.h"
#include "sim/sim_env.h"

namespace chronik::sim {

class BrokerNode {
 public:
  /// `variant` chooses among settings that must make no difference to a client.
  BrokerNode(World& world, History& history, std::string name, std::uint64_t variant);
  ~BrokerNode();
  BrokerNode(const BrokerNode&) = delete;
  BrokerNode& operator=(const BrokerNode&) = delete;

  env::Address address() const { return {name_, 9092}; }
  Machine& machine() { return machine_; }
  bool running() const { return broker_ != nullptr; }
  bool serving() const { return broker_ && broker_->serving(); }

  /// Starts the process with so many shards; it serves some time later, or fails to.
  void start(std::size_t shards);
  /// The power goes: what was not synced is lost by chance. It starts again at `restart_at`.
  void kill(Instant restart_at, std::size_t shards);
  /// The life ends with the world: what it has seen counts.
  void finish() { collect_states(); }
  /// Notes what it waits for, oldest first: for the report of a failure.
  void note_waits();
  /// A flush is under way.
  bool flushing();
  /// Kills it, and changes a byte at rest: in a write-ahead file that is not the newest of its shard, so that groups
  /// behind it bear witness, in a segment, an index or a checkpoint record. False if there is no such
  /// file: then it is only killed.
  bool rot(std::uint64_t dice);
  /// Its disk damages data from now on: it may call them corrupt.
  void expect_damage();
  /// It called its data corrupt after damage was done: that is all that can be asked of it.
  bool refused() const { return refused_; }
  /// Of this life: how often it was started.
  std::uint64_t life() const { return life_; }
  /// Looks after the process: to be called now and then.
  void supervise();
  /// Room invariants; ends the program if one does not hold.
  void check_invariants();
  /// Nobody is connected any more: no connection is left, and all memory was given back.
  void check_quiet();

 private:
  static task::Task<void> start_broker(server::Broker& broker, std::shared_ptr<std::optional<Status>> into);
  std::optional<Error> failure();
  std::map<std::string, std::vector<std::string>> used_wal_files();
  std::vector<std::string> files_to_rot(Prng& prng);
  void watch_full_disk();
  void collect_states();
  void collect_metrics(const std::vector<task::Sample>& samples);
  void collect_files();
  void drop();

  World& world_;
  History& history_;
  const std::string name_;
  const std::uint64_t variant_;
  Machine& machine_;
  std::unique_ptr<shard::ShardSet> shards_;
  std::unique_ptr<server::Broker> broker_;
  std::shared_ptr<std::optional<Status>> started_;
  Instant started_at_;
  std::optional<Instant> restart_at_;
  std::size_t next_shards_ = 1;
  std::size_t shards_before_ = 0;
  std::uint64_t life_ = 0;
  bool told_serving_ = false;
  bool was_full_ = false;
  bool rotten_ = false;
  bool refused_ = false;
};

}  // namespace chronik::sim
