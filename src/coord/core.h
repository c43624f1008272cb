// Core: what is behind the face: the groups of one shard, the partitions they live in, who waits, and the one timer.
//
// Every change of a group goes through update(), which hands out answers, starts writes, re-arms the timer and counts
// memory. Coroutines of this room hold the Core by shared_ptr and look their group up again, by id and serial number,
// after every suspension: it may be gone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coord/consumer_group.h"
#include "coord/coord.h"
#include "coord/deadlines.h"
#include "coord/group.h"
#include "coord/journal.h"
#include "coord/offsets.h"
#include "coord/pending_offsets.h"
#include "coord/transaction.h"

namespace chronik::coord {

/// A group with what it committed. With `consumer` it is one of the new consumer protocol, and `group` is empty.
struct Entry {
  Entry(std::uint64_t serial_, PartitionIndex home_, Group group_)
      : serial(serial_), home(home_), group(std::move(group_)) {}

  const std::uint64_t serial;  // tells this group from an earlier one of the same id
  const PartitionIndex home;
  Group group;
  std::unique_ptr<ConsumerGroup> consumer;
  Offsets offsets;
  PendingOffsets pending;
  Journal::WritePtr last_write;  // of the consumer group: what it says counts once this is durable
  bool expiring = false;         // members are being removed from the consumer group
  Instant expire_again{};        // not before
  std::uint32_t writes = 0;      // on their way; the group is not deleted meanwhile
  std::size_t counted = 0;       // its part of Core::memory_

  bool has_members() const { return consumer ? !consumer->empty() : group.state() != GroupState::empty; }
  bool vacant() const { return !consumer && group.vacant() && offsets.empty() && pending.empty() && writes == 0; }
  std::optional<Instant> earliest_deadline() const;
  std::size_t footprint() const {
    return sizeof(Entry) + group.footprint() + (consumer ? consumer->footprint() : 0) + offsets.footprint() +
           pending.footprint();
  }
};

struct OwnedPartition {
  enum class State : std::uint8_t { loading, active, failed };

  log::PartitionPtr log;
  std::uint64_t term = 0;  // tells this ownership from an earlier one
  State state = State::loading;
};

/// One request that waits for an answer of its group. Lives on the request's coroutine frame.
struct Waiter {
  explicit Waiter(task::Context& context) : answered(context) {}
  task::Event answered;
  std::optional<wire::JoinGroupResponse> join;
  std::optional<wire::SyncGroupResponse> sync;
};

class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(shard::Shard& shard, Topics& topics, GroupConfig config);

  // --- What requests need (core.cc) ---
  task::Context& context() { return context_; }
  Topics& topics() { return topics_; }
  const GroupConfig& config() const { return config_; }
  Clock clock() const { return {context_.now(), context_.wall_now()}; }
  /// none if this coordinator serves the group now.
  ErrorCode status(const std::string& group);
  Entry* find(std::string_view group);
  Entry* find(std::string_view group, std::uint64_t serial);
  /// Creates an Empty group; null when memory is used up. status() has said none.
  Entry* create(const std::string& group);
  /// Whether `bytes` more may be kept.
  bool has_memory(std::size_t bytes) const { return memory_ + bytes <= config_.memory_bytes_max; }
  log::PartitionPtr log_of(const std::string& group);
  const std::map<std::string, std::unique_ptr<Entry>, std::less<>>& groups() const { return groups_; }
  bool loading() const;
  bool served(const Entry& entry) const;
  Journal& journal() { return *journal_; }
  std::string unique_text();

  /// Carries out what a group's event brought about. The entry may be gone afterwards: true if it is still there.
  bool update(Entry& entry, Update update);
  /// After a change of offsets or of `writes`.
  void recount(Entry& entry);

  // --- Waiting (core.cc) ---
  Ticket enlist(Waiter& waiter);
  void strike(Ticket ticket) { waiters_.erase(ticket); }

  // --- Writes (core_writes.cc) ---
  /// Appends an OffsetCommit; the offsets become visible when durable. By index, `records` and `offsets` correspond.
  struct NewOffset {
    std::string topic;
    PartitionIndex partition;
    CommittedOffset offset;
  };
  std::expected<Journal::WritePtr, ErrorCode> commit(Entry& entry, std::vector<NewOffset> offsets);
  /// Tombstones for these offsets and, if asked, for the group, which must be Dead and is forgotten once that is
  /// durable. In batches; the result is that of the last, which is durable only after the others.
  using OffsetNames = std::vector<std::pair<std::string, PartitionIndex>>;
  static task::Task<ErrorCode> erase(std::shared_ptr<Core> core, std::string group, OffsetNames names, bool with_group,
                                     Deadline until);
  /// Deletes an Empty group: waits for what is being written, then tombstones for all of it. Goes on when nobody waits
  /// for the outcome any more, but not longer than offset_commit_timeout.
  std::expected<Journal::WritePtr, ErrorCode> start_deletion(const std::string& group);

  // --- Transactions (core_transactions.cc) ---
  /// The same as commit(), but undecided until the producer's marker.
  std::expected<Journal::WritePtr, ErrorCode> commit_in_transaction(Entry& entry, std::vector<NewOffset> offsets,
                                                                    ProducerIdentity producer,
                                                                    log::TransactionPass pass);
  std::expected<Journal::WritePtr, ErrorCode> write_marker(PartitionIndex home, ProducerIdentity producer, bool commits,
                                                           std::int32_t coordinator_epoch);

  // --- Consumer groups (core_consumer.cc) ---
  /// The group turns into one of the new consumer protocol, taking over its members, who speak as consumers do; or,
  /// empty, back. Tombstones go to `records`.
  void become_consumer(Entry& entry, std::vector<Record>& records);
  void become_classic(Entry& entry, std::vector<Record>& records);
  /// A consumer group that lost its last member of the new protocol turns into a classic one, if that is allowed.
  void downgrade(Entry& entry, std::vector<Record>& records);
  /// Writes `records` and what has changed in the consumer group; its outcome is entry.last_write. On an error what
  /// stands in memory is not what stands in the log: the entry is gone, and its partition is being loaded anew.
  ErrorCode store(Entry& entry, std::vector<Record> records);
  /// Until all that the group says is durable.
  static task::Task<ErrorCode> durable(Journal::WritePtr last_write, Deadline until);
  /// Looks up the topics of regular expressions, if it is time to.
  void resolve_regexes(Entry& entry);

  // --- Life (core.cc, core_load.cc, core_sweep.cc) ---
  void own(PartitionIndex index, log::PartitionPtr partition);
  void disown(PartitionIndex index);
  void request_sweep();
  void set_config(const GroupConfig& config) { config_ = config; }
  /// Until nothing is on its way to the disk.
  task::Task<void> drain(Deadline until);
  void close();
  bool closed() const { return closed_; }
  void check_invariants() const;

 private:
  Entry& insert(const std::string& group, PartitionIndex home);
  void forget(Entry& entry);
  void answer(Update& update);
  void want_topic();
  static task::Task<void> create_topic(std::shared_ptr<Core> core);

  // The timer (core_timer.cc).
  void arm(Entry& entry);
  void wake_timer();
  std::optional<Instant> next_deadline() const;
  void fire_due();
  static task::Task<void> run_timer(std::shared_ptr<Core> core);

  // core_writes.cc
  void write(Entry& entry, const Store& store);
  static task::Task<void> watch(std::shared_ptr<Core> core, std::string group, std::uint64_t serial, StoreId store,
                                Journal::WritePtr write);
  static task::Task<void> run_deletion(std::shared_ptr<Core> core, std::string group, std::uint64_t serial,
                                       Journal::WritePtr outcome);
  static task::Task<ErrorCode> delete_group(std::shared_ptr<Core> core, std::string group, std::uint64_t serial,
                                            Deadline until);
  std::expected<Journal::WritePtr, ErrorCode> append_tombstones(Entry& entry, const OffsetNames& names,
                                                                std::size_t begin, std::size_t end, bool with_group);

  // core_transactions.cc
  void hold_back(Entry& entry, ProducerId producer, PendingOffsets::Item item);
  void decide(PartitionIndex home, ProducerId producer, bool commits);

  // core_consumer.cc
  void reload(PartitionIndex home);
  void start_expiry(Entry& entry);
  static task::Task<void> expire_consumer(std::shared_ptr<Core> core, std::string group, std::uint64_t serial);
  static task::Task<void> resolve(std::shared_ptr<Core> core, std::string group, std::uint64_t serial,
                                  std::vector<std::string> regexes);
  static task::Task<ConsumerGroup::Resolved> look_up(std::shared_ptr<Core> core, std::vector<std::string> regexes);

  // core_load.cc
  class Loader;
  void apply_consumer_record(PartitionIndex home, const wire::GroupKey& key, const std::optional<Buffer>& value);
  OwnedPartition* owned(PartitionIndex index, std::uint64_t term);
  static task::Task<void> load(std::shared_ptr<Core> core, PartitionIndex index, std::uint64_t term);
  void apply_record(PartitionIndex home, const Buffer& key, const std::optional<Buffer>& value, Offset position);
  void apply_pending(PartitionIndex home, ProducerId producer, const Buffer& key, const std::optional<Buffer>& value,
                     Offset position);
  void loaded(PartitionIndex index);

  // core_sweep.cc
  static task::Task<void> sweep(std::shared_ptr<Core> core);
  OffsetNames stale_offsets(const Entry& entry, UnixMillis now) const;
  static task::Task<void> sweep_group(std::shared_ptr<Core> core, std::string group);
  static task::Task<void> erase_stale(std::shared_ptr<Core> core, std::string group, OffsetNames names);

  shard::Shard& shard_;
  task::Context& context_;
  Topics& topics_;
  GroupConfig config_;
  std::shared_ptr<Journal> journal_;

  std::map<std::string, std::unique_ptr<Entry>, std::less<>> groups_;
  std::map<std::uint64_t, Entry*> by_serial_;
  std::map<PartitionIndex, OwnedPartition> owned_;
  // Which groups (by serial) have pending offsets of a producer's open transaction.
  std::map<std::pair<PartitionIndex, ProducerId>, std::set<std::uint64_t>> undecided_;
  std::map<Ticket, Waiter*> waiters_;
  std::size_t memory_ = 0;
  std::uint64_t last_serial_ = 0;
  std::uint64_t last_term_ = 0;
  Ticket last_ticket_{0};

  Deadlines deadlines_;
  std::optional<Instant> next_sweep_;
  task::Event timer_changed_;
  task::Event write_settled_;  // some group has one write less
  bool timer_running_ = false;
  bool sweeping_ = false;
  bool sweep_again_ = false;
  std::set<std::uint64_t> resolving_;  // groups whose regular expressions are being looked up
  bool creating_topic_ = false;
  bool closed_ = false;

  task::Counter& skipped_records_;
  task::Counter& rebalances_;
};

}  // namespace chronik::coord
