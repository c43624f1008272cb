#include "log/index.h"

#include <algorithm>

namespace chronik::log {

Buffer encode_offset_entries(std::span<const OffsetEntry> entries) {
  auto block = Block::allocate(entries.size() * kOffsetEntrySize);
  std::byte* at = block->data();
  for (const OffsetEntry& entry : entries) {
    store_be(at, entry.relative);
    store_be(at + 4, entry.position);
    at += kOffsetEntrySize;
  }
  const ByteSpan bytes(block->data(), entries.size() * kOffsetEntrySize);
  return {std::move(block), bytes};
}

Buffer encode_time_entries(std::span<const TimeEntry> entries) {
  auto block = Block::allocate(entries.size() * kTimeEntrySize);
  std::byte* at = block->data();
  for (const TimeEntry& entry : entries) {
    store_be(at, entry.timestamp);
    store_be(at + 8, entry.relative);
    at += kTimeEntrySize;
  }
  const ByteSpan bytes(block->data(), entries.size() * kTimeEntrySize);
  return {std::move(block), bytes};
}

std::vector<OffsetEntry> decode_offset_entries(ByteSpan bytes, const IndexBounds& bounds) {
  std::vector<OffsetEntry> entries;
  entries.reserve(bytes.size() / kOffsetEntrySize);
  for (std::size_t at = 0; at + kOffsetEntrySize <= bytes.size(); at += kOffsetEntrySize) {
    const OffsetEntry entry{load_be<std::uint32_t>(bytes.data() + at), load_be<std::uint32_t>(bytes.data() + at + 4)};
    if (entry.relative >= bounds.relative_end || entry.position >= bounds.log_bytes) break;
    if (!entries.empty() && (entry.relative <= entries.back().relative || entry.position <= entries.back().position)) {
      break;
    }
    entries.push_back(entry);
  }
  return entries;
}

std::vector<TimeEntry> decode_time_entries(ByteSpan bytes, const IndexBounds& bounds) {
  std::vector<TimeEntry> entries;
  entries.reserve(bytes.size() / kTimeEntrySize);
  for (std::size_t at = 0; at + kTimeEntrySize <= bytes.size(); at += kTimeEntrySize) {
    const TimeEntry entry{load_be<std::int64_t>(bytes.data() + at), load_be<std::uint32_t>(bytes.data() + at + 8)};
    if (entry.relative >= bounds.relative_end || entry.timestamp < 0) break;
    if (!entries.empty() &&
        (entry.relative <= entries.back().relative || entry.timestamp <= entries.back().timestamp)) {
      break;
    }
    entries.push_back(entry);
  }
  return entries;
}

namespace {
/// The last entry for which `belongs` holds; it holds for a prefix.
template <class Entry, class Predicate>
std::optional<Entry> last_that(const std::vector<Entry>& entries, Predicate belongs) {
  const auto after = std::ranges::partition_point(entries, belongs);
  if (after == entries.begin()) return std::nullopt;
  return *std::prev(after);
}
}  // namespace

std::optional<OffsetEntry> SparseIndex::at_or_below(std::uint32_t relative) const {
  return last_that(offsets, [=](const OffsetEntry& entry) { return entry.relative <= relative; });
}

std::optional<TimeEntry> SparseIndex::before(std::int64_t timestamp) const {
  return last_that(times, [=](const TimeEntry& entry) { return entry.timestamp < timestamp; });
}

std::optional<TimeEntry> SparseIndex::latest(std::uint32_t relative) const {
  return last_that(times, [=](const TimeEntry& entry) { return entry.relative <= relative; });
}

std::size_t SparseIndex::memory_bytes() const {
  return sizeof(*this) + offsets.capacity() * sizeof(OffsetEntry) + times.capacity() * sizeof(TimeEntry);
}

IndexBuilder::Entries IndexBuilder::add(const Batch& batch, std::uint32_t interval_bytes) {
  Entries entries;
  if (batch.max_timestamp > max_.timestamp) max_ = {batch.max_timestamp, batch.last_relative};
  // The first batch never needs an entry: a search without one begins there.
  if (bytes_since_entry_ > interval_bytes) {
    entries.offset = OffsetEntry{batch.last_relative, batch.position};
    ++offset_entries_;
    entries.time = finish();
    bytes_since_entry_ = 0;
  }
  bytes_since_entry_ += batch.size;
  return entries;
}

std::optional<TimeEntry> IndexBuilder::finish() {
  if (max_.timestamp <= written_.timestamp) return std::nullopt;
  written_ = max_;
  ++time_entries_;
  return max_;
}

IndexBuilder IndexBuilder::resume(const SparseIndex& index) {
  IndexBuilder builder;
  if (!index.times.empty()) builder.max_ = builder.written_ = index.times.back();
  builder.offset_entries_ = static_cast<std::uint32_t>(index.offsets.size());
  builder.time_entries_ = static_cast<std::uint32_t>(index.times.size());
  return builder;
}

IndexBuilder IndexBuilder::closed(const TimeEntry& latest) {
  IndexBuilder builder;
  builder.max_ = builder.written_ = latest;
  return builder;
}

}  // namespace chronik::log
