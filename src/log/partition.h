// Partition: one log. New batches go to the write-ahead log and, with the same bytes, to the memory tail; the flusher
// moves the tail into segment files; a read joins the two.
//
// Invariants (partition_invariants.cc): log start <= high watermark <= durable end <= log end; the high watermark never
// goes back; the tail is contiguous and begins where the flushed files end. Lives on one shard; all calls there.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "log/batch_ref.h"
#include "log/checkpoint.h"
#include "log/log_config.h"
#include "log/producer_state.h"
#include "log/segment_store.h"
#include "log/transactions.h"
#include "task/event.h"
#include "wal/replay.h"
#include "wal/wal.h"
#include "wire/batch_validation.h"

namespace chronik::log {

using wire::ErrorCode;
using wire::Rejection;

/// Where an append went. It is acknowledged only once `commit` is durable; a retry recognised as such carries no commit
/// if it is durable already.
struct Appended {
  Offset base;
  Offset last;
  UnixMillis append_time{-1};  // of LogAppendTime topics, else -1
  LogStartOffset log_start;
  wal::CommitPtr commit;
};

/// What a reader may see: everything committed to the log, or only what no open transaction may take back.
enum class Isolation : std::uint8_t { uncommitted, committed };

/// Who writes a batch: a coordinator has no sequence of its own.
enum class Origin : std::uint8_t { client, coordinator };

/// Says that a transaction was found to include this partition (KIP-890); void once that transaction ended.
using TransactionPass = Strong<struct TransactionPassTag, std::uint64_t>;
inline constexpr TransactionPass kNoPass{0};

struct InterestTag;
/// A reader that wants to know when a partition has more to read, or is gone. Stands in one partition's list; unlinks
/// itself.
class Interest : public task::Link<InterestTag> {
 public:
  explicit Interest(task::Event& event) : event_(&event) {}
  void tell() { event_->notify_all(); }

 private:
  task::Event* event_;
};

class Partition : public wal::FrameOwner, public std::enable_shared_from_this<Partition> {
 public:
  Partition(task::Context& context, wal::Wal& wal, std::string root, std::string topic, TopicPartition id,
            LeaderEpoch epoch, LogConfig config, std::shared_ptr<SegmentCache> cache = nullptr);
  ~Partition() override;

  /// Rebuilds the state after a start: files as the record says, tail from replayed frames. Once, before anything else.
  task::Task<Status> recover(std::optional<PartitionCheckpoint> record, std::vector<wal::ReplayedFrame> frames);

  /// Stage one of produce: gives a validated batch its offsets, a place in the open group and in the tail. No
  /// suspension inside, so order is the order of calls. Call wal().room() first: a full log is refused as
  /// THROTTLING_QUOTA_EXCEEDED... by name, see errors.h.
  /// A transactional batch that opens a transaction here needs a pass, else INVALID_TXN_STATE.
  std::expected<Appended, Rejection> append(ByteSpan batch, const wire::ValidatedBatch& validated,
                                            Origin origin = Origin::client, TransactionPass pass = kNoPass);
  /// wal().room() did not find room for this batch in time; append() was not called.
  void refused_for_room(const wire::RecordBatchHeader& header);
  /// For batches that the broker itself makes: parses, then appends.
  std::expected<Appended, Rejection> append_internal(ByteSpan batch, Origin origin = Origin::client,
                                                     TransactionPass pass = kNoPass);

  // --- Transactions ---
  /// nullopt if the producer's transaction is open here already. Otherwise ask the coordinator whether (or to see that)
  /// the transaction includes this partition, and append with what this gave: an end of the transaction in between
  /// voids it, so that no batch can open a transaction which nobody will end.
  std::optional<TransactionPass> begin_verification(ProducerId producer, ProducerEpoch epoch);
  /// Ends the producer's transaction here, in the log; without one it fences older epochs. Once more is harmless: the
  /// commit is then that of what is in the log. INVALID_PRODUCER_EPOCH, and what append() gives.
  std::expected<Appended, Rejection> append_marker(ProducerId producer, ProducerEpoch epoch, bool commits,
                                                   std::int32_t coordinator_epoch);
  std::vector<AbortedTransaction> aborted_in(Offset from, Offset end) const;
  const ProducerState& producers() const { return producers_; }
  const Transactions& transactions() const { return transactions_; }

  /// Whole batches from `from` below the high watermark, or the last stable offset; empty at its end. out_of_range,
  /// storage_failed, corrupt, timed_out.
  task::Task<Result<Run>> read(Offset from, std::size_t bytes_max, Deadline until,
                               Isolation isolation = Isolation::uncommitted);
  /// Bytes that a read at `from` would find, cheaply; an estimate for data in files.
  std::size_t readable_bytes(Offset from, Isolation isolation = Isolation::uncommitted) const;
  void add_interest(Interest& interest) { interests_.push_back(interest); }

  task::Task<Result<std::optional<TimestampOffset>>> find_timestamp(UnixMillis timestamp, Deadline until);
  task::Task<Result<std::optional<TimestampOffset>>> max_timestamp(Deadline until);
  /// End offset of `epoch` (KIP-101, KIP-320).
  std::optional<std::pair<LeaderEpoch, Offset>> epoch_end(LeaderEpoch epoch) const;

  /// DeleteRecords: durable before it returns. `before` of -1 is the high watermark.
  task::Task<Result<LogStartOffset>> delete_records(Offset before, Deadline until);

  LogStartOffset log_start() const { return log_start_; }
  LogEndOffset log_end() const { return log_end_; }
  DurableEnd durable_end() const { return durable_end_; }
  HighWatermark high_watermark() const { return high_watermark_; }
  /// The first offset that is not committed or whose transaction is not decided.
  LastStableOffset last_stable_offset() const;
  /// Where readers of that isolation come to the end.
  Offset visible_end(Isolation isolation) const {
    return Offset(isolation == Isolation::committed ? last_stable_offset().value() : high_watermark_.value());
  }
  LeaderEpoch leader_epoch() const { return epoch_; }

  const TopicPartition& id() const { return id_; }
  const std::string& topic() const { return topic_; }
  const LogConfig& config() const { return config_; }
  void set_config(const LogConfig& config);
  bool deleted() const { return deleted_; }
  /// Set once, sticky: the log directory failed or the partition's own files did.
  const std::optional<Error>& failure() const { return failure_; }
  std::uint64_t bytes_on_disk() const { return store_.bytes(); }
  std::uint64_t tail_bytes() const { return tail_bytes_; }
  SegmentStore& store() { return store_; }
  wal::Wal& wal() { return wal_; }

  // --- For the flusher ---
  bool has_tail_through(wal::GroupSequence cut) const;
  /// Moves the durable part of the tail up to `cut` into files and syncs them; reads see both meanwhile.
  task::Task<Status> flush(wal::GroupSequence cut);
  PartitionCheckpoint checkpoint() const;
  /// That is durable now.
  void mark_recorded(const FilePosition& position) { store_.mark_recorded(position); }
  /// Advances the log start as retention demands (durably) and removes whole segments below it. `now` is wall time.
  task::Task<Status> apply_retention(UnixMillis now, Deadline until);
  task::Task<Status> remove_unreachable_segments();
  /// Compacted topics: whether enough has come since the last run; a run, beside appends and flushes, and
  /// how many records went.
  bool wants_compaction(UnixMillis now) const;
  task::Task<Result<std::uint64_t>> compact(UnixMillis now);
  void expire_producers(UnixMillis before);
  /// Deletion of the topic: wakes readers, refuses everything; files go with destroy().
  void mark_deleted();
  task::Task<Status> destroy();

  // --- wal::FrameOwner ---
  void frames_durable(LogEndOffset end) override;
  void frames_failed(const Error& error) override;

  /// CHECKs every invariant.
  void check_invariants() const;

 private:
  struct TailBatch {
    BatchRef batch;
    wal::GroupSequence group;
    wal::CommitPtr commit;  // until settled
    bool has_producer;      // its header matters to the state of producers
  };

  Status apply_replayed(const wal::ReplayedFrame& frame);
  std::optional<Rejection> refusal(ByteSpan batch, const wire::ValidatedBatch& validated, UnixMillis now) const;
  std::expected<std::optional<ProducerBatch>, Rejection> admit_producer(const wire::RecordBatchHeader& header,
                                                                        Origin origin, TransactionPass pass);
  std::expected<Appended, Rejection> place(ByteSpan batch, wire::RecordBatchHeader header, UnixMillis max_timestamp,
                                           UnixMillis now, const std::optional<EndMarker>& marker);
  void advance_high_watermark();
  void settle_transactions();
  void tell_readers();
  Offset tail_start() const;
  Offset files_limit() const;
  std::size_t tail_index(Offset offset) const;
  Run read_tail(Offset from, Offset end, std::size_t bytes_max) const;
  void append_tail(Run& run, Offset end, std::size_t bytes_max) const;
  task::Task<Status> move_log_start(Offset to, Deadline until);
  Offset retention_target(UnixMillis now) const;
  std::optional<Offset> compaction_limit(UnixMillis now) const;
  std::vector<BatchRef> flushable(wal::GroupSequence cut) const;
  void drop_flushed();

  task::Context& context_;
  wal::Wal& wal_;
  std::string topic_;
  TopicPartition id_;
  LeaderEpoch epoch_;
  LogConfig config_;
  SegmentStore store_;

  std::deque<TailBatch> tail_;
  std::uint64_t tail_bytes_ = 0;
  LogStartOffset log_start_{0};
  LogEndOffset log_end_{0};
  DurableEnd durable_end_{0};
  HighWatermark high_watermark_{0};
  Offset compacted_to_{0};
  ProducerState producers_;                       // as of the log end
  ProducerState flushed_producers_;               // as of the synced end of the files
  Transactions transactions_;                     // as of the log end
  std::map<ProducerId, TransactionPass> passes_;  // given and not used; at most one for each request under way
  TransactionPass last_pass_ = kNoPass;

  task::List<Interest, InterestTag> interests_;
  std::optional<Error> failure_;
  bool deleted_ = false;
};
using PartitionPtr = std::shared_ptr<Partition>;

}  // namespace chronik::log
