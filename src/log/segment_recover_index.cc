// The indexes and leader epochs of the last segment at recovery: believed as far as the log bears them out, else made
// anew from it.
#include <algorithm>

#include "base/crc32c.h"
#include "log/segment_store_impl.h"
#include "task/io.h"

namespace chronik::log {
namespace {

constexpr std::size_t kIndexFileMax = 64U << 20;
constexpr std::size_t kChunk = 64U << 10;

/// Whether what follows the believable part of an index file is what an unfinished append leaves: entries for offsets
/// beyond `end`. Anything else makes the file suspect.
bool tail_is_beyond(ByteSpan rest, std::size_t entry_size, std::size_t relative_at, std::uint64_t relative_end) {
  if (rest.empty()) return true;
  if (rest.size() < entry_size) return false;
  return load_be<std::uint32_t>(rest.data() + relative_at) >= relative_end;
}

/// It tells of the moment, not of the file.
bool says_nothing(const Error& error) {
  return error.code == Errc::timed_out || error.code == Errc::overloaded;
}

}  // namespace

struct SegmentStore::Impl::IndexFiles {
  Buffer offsets;
  Buffer times;
};

task::Task<Status> SegmentStore::Impl::recover_index(SegmentPtr segment) {
  IndexFiles files;
  auto offsets = co_await task::read_whole(context, segment->path(kIndexSuffix), kIndexFileMax, stall());
  if (!offsets && says_nothing(offsets.error())) co_return fail(offsets.error());
  auto times = co_await task::read_whole(context, segment->path(kTimeIndexSuffix), kIndexFileMax, stall());
  if (!times && says_nothing(times.error())) co_return fail(times.error());
  if (offsets && times) {
    files = {std::move(*offsets), std::move(*times)};
    CO_TRY(const bool resumed, co_await resume_index(segment, files));
    if (resumed) co_return Status{};
  }
  co_return co_await remake_index(segment);
}

task::Task<Result<bool>> SegmentStore::Impl::resume_index(SegmentPtr segment, const IndexFiles& files) {
  Segment& s = *segment;
  const IndexBounds bounds = s.bounds();
  SparseIndex index{decode_offset_entries(files.offsets.span(), bounds),
                    decode_time_entries(files.times.span(), bounds)};
  const std::size_t time_bytes = index.times.size() * kTimeEntrySize;
  const ByteSpan offsets_tail = files.offsets.span().subspan(index.offsets.size() * kOffsetEntrySize);
  const ByteSpan times_tail = files.times.span().subspan(time_bytes);
  if (!tail_is_beyond(offsets_tail, kOffsetEntrySize, 0, bounds.relative_end) ||
      !tail_is_beyond(times_tail, kTimeEntrySize, 8, bounds.relative_end)) {
    co_return false;
  }
  if (!times_tail.empty()) {
    // What the entries that were cut off said of offsets below the end is found by scanning from the last good one.
    const std::uint32_t covered = index.times.empty() ? 0 : index.times.back().relative;
    while (!index.offsets.empty() && index.offsets.back().relative > covered) index.offsets.pop_back();
  }
  const std::size_t offset_bytes = index.offsets.size() * kOffsetEntrySize;
  ScanRange range{.position = 0, .low = s.base, .exact = true, .first_last = {}, .bytes = s.bytes, .end = s.end};
  if (!index.offsets.empty()) {
    range.position = index.offsets.back().position;
    range.exact = false;
    range.first_last = s.absolute(index.offsets.back().relative);
  }
  CO_TRY(const auto file, co_await open_log(io(), segment, stall()));
  SegmentScan first(context, file, s.path(kLogSuffix), range, kChunk, nullptr, stall());
  CO_TRY(const auto batch, co_await first.next());
  if (!batch || first.damage()) co_return false;
  // Every timestamp up to the last offset entry is covered by the last time entry.
  if (batch->header.max_timestamp.value() > (index.times.empty() ? -1 : index.times.back().timestamp) &&
      !index.offsets.empty()) {
    co_return false;
  }
  IndexBuilder builder = IndexBuilder::resume(index);
  const std::size_t offsets_count = index.offsets.size();
  const std::size_t times_count = index.times.size();
  CO_TRY_STATUS(co_await scan_index(io(), segment, range, builder, index));
  CO_TRY_STATUS(co_await open_to_write(io(), segment, s.offsets_file, s.unsynced_offsets, kIndexSuffix));
  CO_TRY_STATUS(co_await open_to_write(io(), segment, s.times_file, s.unsynced_times, kTimeIndexSuffix));
  if (offset_bytes != files.offsets.size() || time_bytes != files.times.size()) {
    CO_TRY_STATUS(co_await task::truncate(context, s.unsynced_offsets, offset_bytes, stall()));
    CO_TRY_STATUS(co_await task::truncate(context, s.unsynced_times, time_bytes, stall()));
    s.index_unsynced = true;
  }
  s.builder = builder;
  s.offsets_written = static_cast<std::uint32_t>(offsets_count);
  s.times_written = static_cast<std::uint32_t>(times_count);
  s.offsets_crc = crc32c(files.offsets.span().first(offset_bytes));
  s.times_crc = crc32c(files.times.span().first(time_bytes));
  s.pending_offsets.assign(index.offsets.begin() + static_cast<std::ptrdiff_t>(offsets_count), index.offsets.end());
  s.pending_times.assign(index.times.begin() + static_cast<std::ptrdiff_t>(times_count), index.times.end());
  if (!s.pending_offsets.empty() || !s.pending_times.empty()) s.index_unsynced = true;
  // What was cut will be cut again if it comes back: nothing here must last.
  s.release_files();
  auto loaded = std::make_unique<CachedIndex>();
  loaded->index = std::move(index);
  cache->keep(s.index, std::move(loaded));
  co_return co_await peak_holds(segment);
}

/// Whether the last time entry is true of the log.
task::Task<Result<bool>> SegmentStore::Impl::peak_holds(SegmentPtr segment) {
  const TimeEntry peak = segment->builder.latest();
  if (peak.timestamp < 0) co_return true;
  epochs_known = false;
  const Offset offset = segment->absolute(peak.relative);
  const auto at = co_await scan_to(segment, offset, kChunk, stall());
  if (!at && at.error().code == Errc::corrupt) co_return false;
  if (!at) co_return fail(at.error());
  co_return at->batch.header.last_offset() == offset && at->batch.header.max_timestamp.value() == peak.timestamp;
}

task::Task<Status> SegmentStore::Impl::remake_index(SegmentPtr segment) {
  Segment& s = *segment;
  cache->drop(s.index);
  auto made = std::make_unique<CachedIndex>();
  made->rebuilt = true;
  IndexBuilder builder;
  const ScanRange range{.position = 0, .low = s.base, .exact = true, .first_last = {}, .bytes = s.bytes, .end = s.end};
  CO_TRY_STATUS(co_await scan_index(io(), segment, range, builder, made->index));
  s.builder = builder;
  s.offsets_written = s.times_written = 0;
  s.offsets_crc = s.times_crc = 0;
  s.pending_offsets = made->index.offsets;
  s.pending_times = made->index.times;
  s.index_reset = s.index_unsynced = true;
  // As in resume_index: what was cut will be cut again.
  s.release_files();
  cache->keep(s.index, std::move(made));
  co_return Status{};
}

task::Task<Status> SegmentStore::Impl::recover_epochs() {
  epochs.clear();
  if (segments.empty() || start() == end()) co_return Status{};
  const auto text = co_await task::read_whole(context, path(kEpochFile), 1U << 20, stall());
  if (!text && says_nothing(text.error())) co_return fail(text.error());
  auto parsed = text ? EpochList::parse(as_text(text->span())) : Result<EpochList>(fail(text.error()));
  if (parsed) {
    epochs = std::move(*parsed);
    epochs.cut_end(end());
    epochs.cut_start(start());
    CO_TRY(const bool hold, co_await epochs_hold());
    if (hold) co_return Status{};
  }
  co_return co_await rebuild_epochs();
}

task::Task<Result<std::optional<EpochList::Entry>>> SegmentStore::Impl::epoch_at(Offset offset) {
  const auto at = co_await scan_to(segment_of(offset), offset, kChunk, stall());
  if (at) co_return EpochList::Entry{at->batch.header.leader_epoch, at->batch.header.base_offset};
  if (at.error().code == Errc::corrupt) co_return std::nullopt;
  co_return fail(at.error());
}

/// Whether the list agrees with the first and the last batch of each epoch. A batch that carries a neighbour's epoch
/// speaks against the list, as do two that agree on another; a single odd one is itself damaged, since no checksum
/// covers the field. Batches that cannot be read say nothing.
task::Task<Result<bool>> SegmentStore::Impl::epochs_hold() {
  const auto& entries = epochs.entries();
  if (entries.empty() || entries.front().start > start()) co_return false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const EpochList::Entry entry = entries[i];
    const bool is_last = i + 1 == entries.size();
    CO_TRY(const auto first, co_await epoch_at(entry.start));
    CO_TRY(const auto last, co_await epoch_at((is_last ? end() : entries[i + 1].start).plus(-1)));
    if (first && first->start != entry.start) co_return false;
    if (first && i > 0 && first->epoch == entries[i - 1].epoch) co_return false;
    if (last && !is_last && last->epoch == entries[i + 1].epoch) co_return false;
    const bool two_say_other = first && last && first->start != last->start && first->epoch == last->epoch;
    if (two_say_other && first->epoch != entry.epoch) co_return false;
  }
  co_return true;
}

/// Epochs only grow, so each beginning is found by bisection.
task::Task<Status> SegmentStore::Impl::rebuild_epochs() {
  epochs.clear();
  epochs_dirty = true;
  CO_TRY(const auto last, co_await epoch_at(end().plus(-1)));
  Offset from = start();
  while (from < end()) {
    CO_TRY(const auto first, co_await epoch_at(from));
    if (!first) {
      from = from.plus(1);
      continue;
    }
    if (epochs.entries().empty() || first->epoch > epochs.entries().back().epoch) epochs.append(first->epoch, from);
    if (last && last->epoch <= first->epoch) break;
    // The first offset whose batch has a larger epoch lies in (low, high].
    Offset low = from;
    Offset high = end();
    while (high.value() - low.value() > 1) {
      const Offset middle(low.value() + (high.value() - low.value()) / 2);
      CO_TRY(const auto there, co_await epoch_at(middle));
      (there && there->epoch > first->epoch ? high : low) = middle;
    }
    from = high;
  }
  co_return Status{};
}

}  // namespace chronik::log
