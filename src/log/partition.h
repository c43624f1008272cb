// Partition: one log. New batches go to the write-ahead log and, with the same bytes, to the memory tail; the flusher
// moves the tail into segment files; a read joins the two.
//
// Invariants (partition_invariants.cc): log start <= high watermark <= durable end <= log end; the high watermark never
// goes back; the tail is contiguous and begins where the flushed files end. Lives on one shard; all calls there.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "log/batch_ref.h"
#include "log/checkpoint.h"
#include "log/log_config.h"
#include "log/producer_state.h"
#include "log/segment_store.h"
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
  std::expected<Appended, Rejection> append(ByteSpan batch, const wire::ValidatedBatch& validated);
  /// For batches that the broker itself makes: parses, then appends.
  std::expected<Appended, Rejection> append_internal(ByteSpan batch);

  /// Whole batches from `from` below the high watermark; empty at its end. out_of_range, storage_failed, corrupt,
  /// timed_out.
  task::Task<Result<Run>> read(Offset from, std::size_t bytes_max, Deadline until);
  /// Bytes that a read at `from` would find, cheaply; an estimate for data in files.
  std::size_t readable_bytes(Offset from) const;
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
  LastStableOffset last_stable_offset() const { return LastStableOffset(high_watermark_.value()); }
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
  /// Advances the log start as retention demands (durably) and removes whole segments below it. `now` is wall time.
  task::Task<Status> apply_retention(UnixMillis now, Deadline until);
  task::Task<Status> remove_unreachable_segments();
  /// Compacted topics: rewrites closed segments once half of their bytes have come since the last time. How many
  /// records went.
  task::Task<Result<std::uint64_t>> compact_if_dirty();
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
  void advance_high_watermark();
  void tell_readers();
  Offset tail_start() const;
  Offset files_limit() const;
  std::size_t tail_index(Offset offset) const;
  Run read_tail(Offset from, std::size_t bytes_max) const;
  void append_tail(Run& run, std::size_t bytes_max) const;
  task::Task<Status> move_log_start(Offset to, Deadline until);
  Offset retention_target(UnixMillis now) const;
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
  ProducerState producers_;          // as of the log end
  ProducerState flushed_producers_;  // as of the synced end of the files

  task::List<Interest, InterestTag> interests_;
  std::optional<Error> failure_;
  bool deleted_ = false;
};
using PartitionPtr = std::shared_ptr<Partition>;

}  // namespace chronik::log
