// SegmentScan: walks the batches of one segment file and believes nothing: structure, checksum, offsets in sequence,
// leader epoch. Damage is stepped over to the next batch that holds, so one bad byte costs one batch.
#pragma once

#include <optional>
#include <string>

#include "env/env.h"
#include "log/segment_epochs.h"
#include "task/context.h"
#include "wire/record_batch.h"

namespace chronik::log {

/// A batch whose checksum and offsets were verified.
struct LogBatch {
  wire::RecordBatchHeader header;
  std::uint64_t position = 0;   // in the file
  Buffer bytes;                 // exactly the batch; a slice of `window`
  Buffer window;                // what was read from disk at once,
  std::uint64_t window_at = 0;  // from here
};

/// Where a scan runs, and how its first batch is known to be the right one: by its base (`exact`), or by its last
/// offset, which is what an index entry gives.
struct ScanRange {
  std::uint64_t position = 0;
  Offset low{0};                     // no batch begins below
  bool exact = false;                // the first batch begins at `low`
  std::optional<Offset> first_last;  // the first batch ends with this offset
  std::uint64_t bytes = 0;           // the file's trusted length
  Offset end;                        // one past the segment's last offset
};

class SegmentScan {
 public:
  /// `epochs` may be null (not checked), else must outlive the scan. `chunk` is the least that is read from disk at
  /// once. All waiting ends at `until`.
  SegmentScan(task::Context& context, env::FilePtr file, std::string path, const ScanRange& range, std::size_t chunk,
              const EpochList* epochs, Deadline until);

  /// The next batch that holds; nullopt at the end of the range. Errors are those of reading; damage is not one.
  task::Task<Result<std::optional<LogBatch>>> next();

  /// Set when damage was stepped over: the first, as an error naming file and position.
  const std::optional<Error>& damage() const { return damage_; }
  /// What the next batch announces as its size, unverified, if that much is in memory.
  std::optional<std::uint64_t> next_size() const;
  void set_deadline(Deadline until) { until_ = until; }
  /// Where the next batch is looked for.
  std::uint64_t position() const { return range_.position; }

 private:
  /// Bytes [position, position + length), fewer only at the end of the range.
  task::Task<Result<Buffer>> bytes(std::uint64_t position, std::size_t length);
  /// The batch at `position` if it holds.
  task::Task<Result<std::optional<LogBatch>>> batch_at(std::uint64_t position);
  /// For a batch so large that reading it in vain would hurt: its checksum, in pieces.
  task::Task<Result<bool>> crc_holds(const wire::RecordBatchHeader& head, std::uint64_t position);
  task::Task<Result<std::optional<LogBatch>>> resync();
  bool offsets_hold(const wire::RecordBatchHeader& header) const;
  void note_damage();

  task::Context& context_;
  env::FilePtr file_;
  std::string path_;
  ScanRange range_;
  std::size_t chunk_;
  const EpochList* epochs_;
  Deadline until_;
  Buffer held_;  // of the file, from held_at_
  std::uint64_t held_at_ = 0;
  std::optional<Error> damage_;
};

}  // namespace chronik::log
