// Segment: one .log file with its indexes, as the store knows it. Held by shared_ptr: reads keep one alive while it is
// being removed. SegmentIo is what every operation on segments needs; it is copied into background work, which may
// outlive the store.
//
// Invariants: a file with unsynced writes is held in `unsynced` until it is synced; `bytes`, `end` and the builder
// describe what was appended, pending entries are those not yet in the index files; a closed segment changes no more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "log/index.h"
#include "log/segment_cache.h"
#include "log/segment_epochs.h"
#include "log/segment_names.h"
#include "log/segment_scan.h"
#include "log/segment_summary.h"
#include "task/event.h"

namespace chronik::log {

struct SegmentIo {
  task::Context& context;
  std::shared_ptr<SegmentCache> cache;
  Duration stall_deadline;
  std::uint32_t index_interval_bytes;
  std::uint64_t direct_bytes_min;
  std::size_t index_lag_entries;

  Deadline stall() const { return context.after(stall_deadline); }
  Deadline within(Deadline until) const { return std::min(until, stall()); }
};

/// A scan of a whole log to make its indexes anew; runs once, whoever waits for it.
struct IndexRebuild {
  explicit IndexRebuild(task::Context& context) : done(context) {}
  task::Event done;
  std::optional<Status> status;
};

struct Segment {
  Segment(std::shared_ptr<const std::string> in, Offset at, std::shared_ptr<SegmentCache> from);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::string path(std::string_view suffix) const;
  std::uint32_t relative(Offset offset) const { return static_cast<std::uint32_t>(offset.value() - base.value()); }
  Offset absolute(std::uint32_t offset) const { return base.plus(offset); }
  IndexBounds bounds() const { return {bytes, static_cast<std::uint64_t>(end.value() - base.value())}; }
  /// For retention.
  UnixMillis max_timestamp() const { return time_estimated ? estimated : UnixMillis(builder.latest().timestamp); }
  /// The open descriptors with unsynced writes.
  std::vector<env::FilePtr> unsynced() const;
  /// They may be closed when the cache wants it: synced, or nothing was written that must last.
  void release_files();
  void mark_synced();
  /// Takes new entries in: to be written to the files, and into the loaded index.
  void add(const IndexBuilder::Entries& entries);

  const std::shared_ptr<const std::string> directory;
  const std::shared_ptr<SegmentCache> cache;
  const Offset base;
  Offset end;                      // one past the last offset appended
  std::uint64_t bytes = 0;         // of .log
  UnixMillis first_timestamp{-1};  // highest of the first batch
  IndexBuilder builder;
  bool closed = false;
  bool removed = false;         // being removed: files may vanish
  bool time_estimated = false;  // no summary: the highest timestamp is not known until the indexes are rebuilt
  UnixMillis estimated{-1};     // then this: no later than when it was opened
  bool index_reset = false;     // what the index files hold is of no use: truncate them before writing
  bool index_unsynced = false;  // write_index has something to do, or what it did is not synced

  // What the index files hold of the entries, with the checksum so far.
  std::uint32_t offsets_written = 0;
  std::uint32_t times_written = 0;
  std::uint32_t offsets_crc = 0;
  std::uint32_t times_crc = 0;
  std::vector<OffsetEntry> pending_offsets;
  std::vector<TimeEntry> pending_times;

  // The end of the log that does not fill a unit of direct I/O, if the last write was direct: the next one writes it
  // again, in one piece with what follows.
  Buffer partial;
  std::uint64_t partial_at = 0;

  env::FilePtr unsynced_log;
  env::FilePtr unsynced_offsets;
  env::FilePtr unsynced_times;
  env::FilePtr unsynced_summary;
  CachedFile log;
  CachedFile direct;  // the same file, to write around the page cache
  CachedFile offsets_file;
  CachedFile times_file;
  std::unique_ptr<CachedIndex> index;
  std::shared_ptr<IndexRebuild> rebuild;  // running
};
using SegmentPtr = std::shared_ptr<Segment>;

/// The .log file, opened if it is not. Concurrent callers may open it twice; one is kept.
task::Task<Result<env::FilePtr>> open_log(SegmentIo io, SegmentPtr segment, Deadline until);

/// The segment's indexes: loaded, verified against the summary, or rebuilt by scanning the log, which goes on in the
/// background when `until` passes. The result is valid until the next suspension.
task::Task<Result<CachedIndex*>> load_index(SegmentIo io, SegmentPtr segment, Deadline until);

/// Scans the whole log anew because its index was caught lying; corrupt if it was made so already.
task::Task<Status> distrust_index(SegmentIo io, SegmentPtr segment, Deadline until);

/// Index entries of the batches in `range`, by scanning: `builder` and `into` are continued.
task::Task<Status> scan_index(SegmentIo io, SegmentPtr segment, ScanRange range, IndexBuilder& builder,
                              SparseIndex& into);

/// Writes pending index entries if there are enough of them, or all, and the summary, if the segment is closed; nothing
/// is synced. Entries that are not written yet are found again by recovery, which scans the log behind the last one.
task::Task<Status> write_index(SegmentIo io, SegmentPtr segment);

/// The descriptor to write with: held in `unsynced` from now on, taken from the cache or opened.
task::Task<Status> open_to_write(SegmentIo io, SegmentPtr segment, CachedFile& slot, env::FilePtr& unsynced,
                                 std::string_view suffix);

/// Writes `pieces` to `position` of the .log file, which `unsynced_log` holds open; nothing is synced
/// (segment_write.cc).
task::Task<Status> write_log(SegmentIo io, SegmentPtr segment, std::uint64_t position, std::vector<Buffer> pieces);

SegmentSummary summarize(const Segment& segment);

}  // namespace chronik::log
