// SegmentStore: the part of one partition's log that lives in files, laid out as Apache Kafka lays them out:
//   <root>/<topic>-<partition>/<base offset, 20 digits>.log, .index, .timeindex, partition.metadata,
//   leader-epoch-checkpoint
//
// The directory appears at the first append. What append() wrote is not to be trusted before sync() succeeded and the
// caller recorded position() durably in the checkpoint record; recover() trusts the record alone and cuts off what lies
// beyond it.
//
// Invariants: segments are ordered and contiguous in offset space (compaction may leave holes inside); a read never
// returns a batch whose CRC-32C or offsets do not hold (Errc::corrupt, naming file and position); a descriptor with
// unsynced writes is never closed. After a failed append or sync the store refuses further writes; reads of what was
// synced go on. One shard; one append, sync or removal at a time (the flusher's), any number of reads beside it: a
// segment being removed stays readable for reads that hold it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/batch_ref.h"
#include "task/context.h"

namespace chronik::log {

class SegmentCache;
struct CompactionOptions;
struct CompactionResult;

struct SegmentOptions {
  std::uint64_t segment_bytes = 1ULL << 30;           // segment.bytes: a segment is rolled before it would exceed this
  Duration segment_age = std::chrono::hours(24 * 7);  // segment.ms, by record timestamps against the segment's first
  std::uint32_t index_interval_bytes = 4096;          // index.interval.bytes
  std::uint32_t index_bytes_max = 10U << 20;          // segment.index.bytes
  Duration stall_deadline = 10s;                      // for each disk operation
  std::uint64_t direct_bytes_min = 32 * 1024;         // a write of so many bytes goes around the page cache
  std::size_t index_lag_entries = 64;                 // what the index files of the active segment may lack at a sync
};

/// What the checkpoint record keeps of the files: everything below `end` is synced, and ends at `bytes` in the segment
/// that starts at `segment`.
struct FilePosition {
  LogEndOffset end;
  Offset segment;
  std::uint64_t bytes = 0;

  bool operator==(const FilePosition&) const = default;
};

struct SegmentInfo {
  Offset base;
  Offset end;           // one past its last offset
  std::uint64_t bytes;  // of the .log file
  UnixMillis max_timestamp;
  bool active;  // the last one
};

class SegmentStore {
 public:
  /// `root` is the log directory. Nothing is touched on disk.
  /// `cache` bounds open files and loaded indexes; shared by the stores of a shard (log/segment_cache.h), own if null.
  SegmentStore(task::Context& context, std::string root, std::string topic, TopicPartition id, SegmentOptions options,
               std::shared_ptr<SegmentCache> cache = nullptr);
  ~SegmentStore();
  SegmentStore(const SegmentStore&) = delete;
  SegmentStore& operator=(const SegmentStore&) = delete;

  /// Opens what `position` says is there: bytes beyond it are cut off, missing or inconsistent indexes of the last
  /// segment are rebuilt (older ones on first use), segments above it are removed. corrupt if a file is missing or
  /// shorter than recorded, or partition.metadata names another topic id. Cost does not grow with the amount of data:
  /// whole segments are not scanned.
  task::Task<Status> recover(const FilePosition& position);
  /// An empty store whose first segment will begin at the first batch appended.
  void start_empty(Offset at);

  /// Appends batches, contiguous in offsets with what is there. Rolls segments as the options demand. disk_full
  /// and overloaded leave the store as it was: nothing of the call counts, and it may be repeated.
  task::Task<Status> append(std::vector<BatchRef> batches);
  /// Segment data, indexes (those of the active segment may lag), then directory entries: durable. A failure is
  /// storage_failed and sticky, except disk_full and overloaded (no room, no descriptor for an index): what was
  /// appended stays appended, and sync() alone is repeated.
  task::Task<Status> sync();
  /// What the last successful sync() made durable.
  FilePosition position() const;

  Offset start() const;      // first offset held in files; equals end() if none
  LogEndOffset end() const;  // one past the last offset appended
  std::uint64_t bytes() const;
  std::vector<SegmentInfo> segments() const;

  /// Whole batches from the one that holds `from` (or the next one after it) up to, not including, `limit`, at most
  /// `bytes_max` but always at least one batch. Empty if from >= min(limit, end()). out_of_range below start().
  task::Task<Result<Run>> read(Offset from, Offset limit, std::size_t bytes_max, Deadline until);

  /// The first record at or after `timestamp`, by record timestamps (the batch is opened), below `limit`.
  /// What lies below `from` is passed over.
  task::Task<Result<std::optional<TimestampOffset>>> find_timestamp(UnixMillis timestamp, Offset limit, Deadline until,
                                                                    Offset from = Offset(0));
  /// The record with the highest timestamp below `limit` (KIP-734).
  task::Task<Result<std::optional<TimestampOffset>>> max_timestamp(Offset limit, Deadline until);
  /// End offset of the largest epoch at or below `epoch` (KIP-101), from the leader epochs of the batches; nullopt if
  /// none.
  std::optional<std::pair<LeaderEpoch, Offset>> epoch_end(LeaderEpoch epoch) const;

  /// A durable checkpoint record names this position now: the next start begins there. Until then what the record
  /// before names is neither removed nor compacted. recover() and start_empty() say so of their own.
  void mark_recorded(const FilePosition& position);
  /// The caller has recorded its log start durably: after recover() it takes a start() above it for lost segments.
  /// Removes whole segments that end at or below `offset`, never the active one unless it lies wholly below and is
  /// recorded; then the store continues with a new segment. The removal is by rename to .deleted and then unlink; what
  /// reads still hold stays readable.
  task::Task<Status> remove_before(Offset offset);
  /// A removal was interrupted for want of descriptors: the next remove_before() completes it.
  bool removal_pending() const;
  /// Moves the directory to "<topic>-<partition>.<id>-delete", durably, and removes it. No read or append may follow;
  /// after a failure it may be repeated.
  task::Task<Status> destroy();

  /// Compacts closed segments below the recorded one (log/compact.h); reads, appends and removals may go on beside it.
  task::Task<Result<CompactionResult>> compact(const CompactionOptions& options);

  void set_options(const SegmentOptions& options);
  std::string directory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chronik::log
