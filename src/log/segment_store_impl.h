// The state behind SegmentStore and its operations, one .cc file each group: segment_append.cc, segment_sync.cc,
// segment_read.cc, segment_time.cc, segment_recover.cc, segment_remove.cc; compaction in compact.cc.
#pragma once

#include <functional>

#include "log/compact.h"
#include "log/segment.h"
#include "log/segment_store.h"

namespace chronik::log {

/// A batch, and the scan that continues behind it.
struct Positioned {
  LogBatch batch;
  SegmentScan scan;
};

class CompactionFilter;

struct SegmentStore::Impl {
  Impl(task::Context& context, std::string root, std::string topic, TopicPartition id, const SegmentOptions& options,
       std::shared_ptr<SegmentCache> cache);

  // segment_store.cc
  SegmentIo io() const {
    return {context,
            cache,
            options.stall_deadline,
            options.index_interval_bytes,
            options.direct_bytes_min,
            options.index_lag_entries};
  }
  Deadline stall() const { return context.after(options.stall_deadline); }
  std::string path(std::string_view name) const { return *directory + "/" + std::string(name); }
  Offset end() const { return segments.empty() ? empty_at : segments.back()->end; }
  Offset start() const;
  /// One past what may be read: everything, or what was synced once the store has failed.
  Offset readable_end() const { return failure ? Offset(synced.end.value()) : end(); }
  /// The segment that holds `offset`, which must lie in [start, end).
  SegmentPtr segment_of(Offset offset) const;
  SegmentPtr new_segment(Offset base) const { return std::make_shared<Segment>(directory, base, cache); }
  /// What a failed write makes of `error`: storage_failed and sticky, unless it is recoverable.
  Error write_failed(Error error);
  Status check_writable() const;

  // segment_append.cc
  struct PlannedRun;
  task::Task<Status> append(std::vector<BatchRef> batches);
  Status check_batches(const std::vector<BatchRef>& batches) const;
  std::vector<PlannedRun> plan(const std::vector<BatchRef>& batches) const;
  bool must_roll(const PlannedRun& run, const BatchRef& batch) const;
  task::Task<Status> prepare_directory();
  task::Task<Status> create_log(SegmentPtr segment);
  task::Task<Status> write_runs(const std::vector<PlannedRun>& runs, const std::vector<BatchRef>& batches);
  task::Task<Status> take_back(std::vector<PlannedRun> runs);
  void commit(PlannedRun& run);
  void close_active();

  // segment_sync.cc
  task::Task<Status> sync();
  task::Task<Status> sync_all();
  task::Task<Result<env::FilePtr>> write_epochs(std::string file_path);

  // segment_read.cc
  task::Task<Result<Run>> read(Offset from, Offset limit, std::size_t bytes_max, Deadline until);
  /// Appends to `run` from `run.end` on. True if the segment was read to its end.
  task::Task<Result<bool>> read_segment(SegmentPtr segment, Offset limit, std::size_t bytes_max, Deadline until,
                                        Run& run);
  /// Where a scan for the batch that holds `from` begins.
  task::Task<Result<ScanRange>> range_from(SegmentPtr segment, Offset from, Deadline until);
  /// A scan whose next batch holds `from`, that batch taken out; corrupt if it is damaged.
  task::Task<Result<Positioned>> scan_to(SegmentPtr segment, Offset from, std::size_t chunk, Deadline until);

  // segment_time.cc
  using Found = std::optional<TimestampOffset>;
  /// The highest timestamp of a segment, and the last offset of the first batch that has it.
  struct Peak {
    SegmentPtr segment;
    UnixMillis timestamp;
    Offset batch_last;
  };
  task::Task<Result<Found>> find_timestamp(UnixMillis timestamp, Offset from, Offset limit, Deadline until);
  task::Task<Result<Found>> find_in_segment(SegmentPtr segment, UnixMillis timestamp, Offset from, Offset limit,
                                            Deadline until);
  task::Task<Result<Found>> max_timestamp(Offset limit, Deadline until);
  task::Task<Result<std::optional<Peak>>> peak_of(SegmentPtr segment, Offset limit, Deadline until);
  /// At the batch that `entry` names, or the segment's first; invalid_argument if the entry is not true of it.
  task::Task<Result<Positioned>> scan_to_time(SegmentPtr segment, std::optional<TimeEntry> entry, Deadline until);
  bool was_replaced(const SegmentPtr& segment) const;
  task::Task<Status> await_index(SegmentPtr segment, Deadline until);

  // segment_recover.cc
  struct Listing;
  struct IndexFiles;
  task::Task<Status> recover(FilePosition position);
  task::Task<Status> recover_files(const FilePosition& position);
  task::Task<Result<Listing>> list_directory();
  task::Task<Status> check_metadata(bool may_be_missing);
  task::Task<Status> remove_leftovers(Listing& listing, const FilePosition& position);
  task::Task<Status> recover_closed(const Listing& listing, const FilePosition& position);
  task::Task<Status> recover_active(SegmentPtr segment, std::optional<std::uint64_t> file_bytes,
                                    const FilePosition& position);
  task::Task<Status> recover_index(SegmentPtr segment);
  task::Task<Result<bool>> resume_index(SegmentPtr segment, const IndexFiles& files);
  task::Task<Status> remake_index(SegmentPtr segment);
  task::Task<Status> recover_epochs();
  task::Task<Result<bool>> peak_holds(SegmentPtr segment);
  task::Task<Result<bool>> epochs_hold();
  task::Task<Status> rebuild_epochs();
  task::Task<Result<std::optional<EpochList::Entry>>> epoch_at(Offset offset);

  // segment_remove.cc
  task::Task<Status> remove_before(Offset offset);
  task::Task<Status> remove_doomed();
  task::Task<Status> destroy();

  // compact.cc, compact_swap.cc
  struct CompactionRun;
  task::Task<Result<CompactionResult>> compact(CompactionOptions options);
  task::Task<Status> each_batch(const CompactionRun& run, Offset from,
                                std::function<Result<bool>(const LogBatch&)> take);
  task::Task<Result<SegmentScan>> scan_all(SegmentPtr segment);
  task::Task<Status> learn(CompactionRun& run);
  std::vector<SegmentPtr> group_from(const CompactionRun& run, std::size_t first) const;
  task::Task<Status> rewrite(CompactionRun& run);
  task::Task<Status> rewrite_group(CompactionRun& run, const std::vector<SegmentPtr>& group, SegmentPtr target,
                                   CompactionFilter& filter);
  task::Task<Error> give_up(SegmentPtr target, Error error);
  task::Task<Status> discard_cleaned(SegmentPtr target);
  task::Task<Status> swap_in(std::vector<SegmentPtr> group, SegmentPtr target);
  task::Task<Status> complete_swap(Offset base, std::vector<Offset> others);
  task::Task<Status> sync_patiently();
  task::Task<Status> finish_swaps();
  task::Task<Status> wait_for_swap(Deadline until);
  task::Task<Status> wait_for_quiet(const std::vector<SegmentPtr>& group);

  task::Context& context;
  const std::string root;
  const std::string topic;
  const TopicPartition id;
  SegmentOptions options;
  const std::shared_ptr<const std::string> directory;
  const std::shared_ptr<SegmentCache> cache;

  std::vector<SegmentPtr> segments;  // the last one is active
  std::vector<SegmentPtr> doomed;    // taken out of it; their files are still to go
  Offset empty_at{0};                // where the first segment will begin while there is none
  EpochList epochs;
  FilePosition synced;
  FilePosition recorded;  // in the durable checkpoint record; at or below `synced`
  std::optional<Error> failure;
  bool prepared = false;         // the directory and partition.metadata are there
  bool directory_dirty = false;  // entries to be synced
  bool root_dirty = false;
  bool epochs_dirty = false;
  bool epochs_known = true;  // batches are checked against them
  bool busy = false;         // an append, sync or removal is running
  bool compacting = false;
  bool swapping = false;  // compacted segments take their places: readers and writers wait
  bool destroyed = false;
  bool buried = false;         // and the directory has its last name
  bool removal_begun = false;  // some of `doomed` may be renamed already
  Offset cleaned_to{0};        // compaction got this far
  task::Event idle;            // `busy` ended
  task::Event swapped;         // `swapping` ended
  env::FilePtr unsynced_metadata;
};

/// Marks the one that does what only one may do at a time; a second one is a bug.
class Exclusive {
 public:
  explicit Exclusive(bool& busy, task::Event* ended = nullptr) : busy_(busy), ended_(ended) {
    CHECK(!busy_);
    busy_ = true;
  }
  ~Exclusive() {
    busy_ = false;
    if (ended_) ended_->notify_all();
  }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

 private:
  bool& busy_;
  task::Event* ended_;
};

}  // namespace chronik::log
