// The sparse indexes of one segment: Kafka's .index and .timeindex as values. No I/O here.
//
// An offset entry says: the batch whose last offset is base + `relative` begins at `position`. A time entry says: the
// highest timestamp so far is `timestamp`, first reached by the batch whose last offset is base + `relative`. Both grow
// strictly in every field. See docs/formats/segments.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace chronik::log {

struct OffsetEntry {
  std::uint32_t relative = 0;
  std::uint32_t position = 0;
  bool operator==(const OffsetEntry&) const = default;
};
inline constexpr std::size_t kOffsetEntrySize = 8;
static_assert(sizeof(OffsetEntry) == kOffsetEntrySize);

struct TimeEntry {
  std::int64_t timestamp = 0;
  std::uint32_t relative = 0;
  bool operator==(const TimeEntry&) const = default;
};
inline constexpr std::size_t kTimeEntrySize = 12;

Buffer encode_offset_entries(std::span<const OffsetEntry> entries);
Buffer encode_time_entries(std::span<const TimeEntry> entries);

/// What an entry may say in a segment of this extent; what exceeds it, or does not grow, is not believed.
struct IndexBounds {
  std::uint64_t log_bytes = 0;
  std::uint64_t relative_end = 0;  // one past the last relative offset
};
/// The longest believable prefix.
std::vector<OffsetEntry> decode_offset_entries(ByteSpan bytes, const IndexBounds& bounds);
std::vector<TimeEntry> decode_time_entries(ByteSpan bytes, const IndexBounds& bounds);

/// Both indexes in memory.
struct SparseIndex {
  std::vector<OffsetEntry> offsets;
  std::vector<TimeEntry> times;

  /// The last entry at or below `relative`: the batch there ends at or before it.
  std::optional<OffsetEntry> at_or_below(std::uint32_t relative) const;
  /// The last entry whose timestamp is below `timestamp`.
  std::optional<TimeEntry> before(std::int64_t timestamp) const;
  /// The last entry at or below `relative`.
  std::optional<TimeEntry> latest(std::uint32_t relative) const;
  std::size_t memory_bytes() const;
};

/// Decides which batches get entries. A value: copy it to be able to go back.
class IndexBuilder {
 public:
  struct Batch {
    std::uint32_t last_relative;
    std::uint32_t position;
    std::uint32_t size;  // bytes
    std::int64_t max_timestamp;
  };
  struct Entries {
    std::optional<OffsetEntry> offset;
    std::optional<TimeEntry> time;
  };

  /// Takes the next batch in; the entries it gives, if any.
  Entries add(const Batch& batch, std::uint32_t interval_bytes);
  /// The entry that closes the time index, if the last one does not say it already.
  std::optional<TimeEntry> finish();
  /// Continues behind entries read from files: `add` the batches from the last offset entry on (its own included).
  static IndexBuilder resume(const SparseIndex& index);

  /// Of a segment that takes no more.
  static IndexBuilder closed(const TimeEntry& latest);

  /// Highest timestamp so far, -1 if none, and the relative last offset of the batch that first had it.
  const TimeEntry& latest() const { return max_; }
  std::uint32_t offset_entries() const { return offset_entries_; }
  std::uint32_t time_entries() const { return time_entries_; }

 private:
  TimeEntry max_{-1, 0};
  TimeEntry written_{-1, 0};
  std::uint64_t bytes_since_entry_ = 0;
  std::uint32_t offset_entries_ = 0;
  std::uint32_t time_entries_ = 0;
};

}  // namespace chronik::log
