// TransactionCore: what is behind the face: the transactional ids of one shard, the partitions they live in, and the
// one timer.
//
// Coroutines hold the core and an entry by shared_ptr; after every suspension the entry may be `gone`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "coord/deadlines.h"
#include "coord/journal.h"
#include "coord/transaction_coordinator.h"
#include "task/event.h"

namespace chronik::coord {

struct TransactionEntry {
  TransactionEntry(task::Context& context, std::string id_, PartitionIndex home_, std::uint64_t serial_)
      : id(std::move(id_)), home(home_), serial(serial_), changed(context) {}

  const std::string id;
  const PartitionIndex home;
  const std::uint64_t serial;
  Transaction now;          // as far as it is durable
  bool changing = false;    // somebody has the right to write the next state
  bool completing = false;  // markers are being written
  bool gone = false;        // forgotten, expired, or moved away
  std::size_t counted = 0;  // its part of TransactionCore::memory_
  task::Event changed;
};
using TransactionEntryPtr = std::shared_ptr<TransactionEntry>;

class TransactionCore : public std::enable_shared_from_this<TransactionCore> {
 public:
  TransactionCore(shard::Shard& shard, Topics& topics, TransactionPeers& peers, TransactionConfig config);

  task::Context& context() { return context_; }
  TransactionPeers& peers() { return peers_; }
  const TransactionConfig& config() const { return config_; }
  void set_config(const TransactionConfig& config) { config_ = config; }
  /// none if this coordinator serves the id now.
  ErrorCode status(const std::string& id);
  TransactionEntryPtr find(std::string_view id);
  /// Null when memory is used up. status() has said none.
  TransactionEntryPtr create(const std::string& id);
  const std::map<std::string, TransactionEntryPtr, std::less<>>& entries() const { return entries_; }
  bool loading() const;

  /// The right to change the entry, once nobody else has it and no markers are on their way. NOT_COORDINATOR,
  /// CONCURRENT_TRANSACTIONS (in vain until then). With none, give it back by become() or release().
  static task::Task<ErrorCode> acquire(TransactionEntryPtr entry, Deadline until);
  static void release(TransactionEntry& entry);
  /// Writes the next state and gives the right back. Takes effect also if nobody waits for it any more.
  static task::Task<ErrorCode> become(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry,
                                      Transaction next, Deadline until);
  /// Until no markers are missing.
  static task::Task<ErrorCode> completed(TransactionEntryPtr entry, Deadline until);

  void own(PartitionIndex index, log::PartitionPtr partition);
  void disown(PartitionIndex index);
  task::Task<void> drain(Deadline until);
  void close();
  void check_invariants() const;

 private:
  struct Home {
    enum class State : std::uint8_t { loading, active, failed };
    log::PartitionPtr log;
    std::uint64_t term = 0;
    State state = State::loading;
  };

  TransactionEntryPtr insert(const std::string& id, PartitionIndex home);
  void forget(TransactionEntry& entry);
  void recount(TransactionEntry& entry);
  /// After a change: timer, markers, whoever waits.
  void follow_up(const TransactionEntryPtr& entry);
  std::optional<Instant> due(const TransactionEntry& entry) const;
  void want_topic();
  static task::Task<void> create_topic(std::shared_ptr<TransactionCore> core);
  static task::Task<void> complete(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry);
  static task::Task<void> run_timer(std::shared_ptr<TransactionCore> core);
  void wake_timer();
  void fire(const TransactionEntryPtr& entry);
  static task::Task<void> time_out(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry);
  static task::Task<void> expire(std::shared_ptr<TransactionCore> core, TransactionEntryPtr entry);

  // transaction_load.cc
  class Loader;
  Home* home(PartitionIndex index, std::uint64_t term);
  static task::Task<void> load(std::shared_ptr<TransactionCore> core, PartitionIndex index, std::uint64_t term);
  void apply_record(PartitionIndex index, const Buffer& key, const std::optional<Buffer>& value);

  task::Context& context_;
  Topics& topics_;
  TransactionPeers& peers_;
  TransactionConfig config_;
  std::shared_ptr<Journal> journal_;
  std::map<std::string, TransactionEntryPtr, std::less<>> entries_;
  std::map<std::uint64_t, TransactionEntryPtr> by_serial_;
  std::map<PartitionIndex, Home> homes_;
  std::size_t memory_ = 0;
  std::uint64_t last_serial_ = 0;
  std::uint64_t last_term_ = 0;
  Deadlines deadlines_;
  task::Event timer_changed_;
  task::Event write_settled_;
  bool timer_running_ = false;
  bool creating_topic_ = false;
  bool closed_ = false;
  task::Counter& skipped_records_;
  task::Counter& ended_;
};

}  // namespace chronik::coord
