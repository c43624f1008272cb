// Looking up by time: the time index bounds the part of a segment that is scanned; batches are opened for the record.
#include <algorithm>

#include "log/segment_store_impl.h"
#include "wire/record_reader.h"

namespace chronik::log {
namespace {

constexpr std::size_t kScanChunk = 128U << 10;
constexpr std::size_t kDecompressedMax = 256U << 20;

/// The first record of the batch at or after `timestamp`, in [from, limit).
Result<std::optional<TimestampOffset>> first_record(const LogBatch& batch, UnixMillis timestamp, Offset from,
                                                    Offset limit) {
  TRY(auto reader, wire::RecordReader::open(batch.bytes.span(), kDecompressedMax));
  wire::RecordView record;
  for (;;) {
    TRY(const bool more, reader.next(record));
    if (!more || record.offset >= limit) return std::nullopt;
    if (record.timestamp >= timestamp && record.offset >= from) {
      return TimestampOffset{record.timestamp, record.offset, batch.header.leader_epoch};
    }
  }
}

}  // namespace

task::Task<Result<Positioned>> SegmentStore::Impl::scan_to_time(SegmentPtr segment, std::optional<TimeEntry> entry,
                                                                Deadline until) {
  const Offset from = entry ? segment->absolute(entry->relative) : segment->base;
  CO_TRY(auto at, co_await scan_to(segment, from, kScanChunk, until));
  // The offset index was verified by the batch itself; so is the time index.
  const bool holds =
      !entry || (at.batch.header.max_timestamp.value() == entry->timestamp && at.batch.header.last_offset() == from);
  if (!holds) co_return fail(Errc::invalid_argument, "time index of " + segment->path(kLogSuffix));
  co_return at;
}

task::Task<Result<SegmentStore::Impl::Found>> SegmentStore::Impl::find_in_segment(SegmentPtr segment,
                                                                                  UnixMillis timestamp, Offset from,
                                                                                  Offset limit, Deadline until) {
  for (;;) {
    std::optional<TimeEntry> entry;
    if (segment->bytes > options.index_interval_bytes) {
      CO_TRY(CachedIndex* const index, co_await load_index(io(), segment, until));
      entry = index->index.before(timestamp.value());
    }
    auto at = co_await scan_to_time(segment, entry, until);
    if (!at && at.error().code == Errc::invalid_argument) {
      CO_TRY_STATUS(co_await distrust_index(io(), segment, until));
      continue;
    }
    if (!at) co_return std::unexpected(std::move(at).error());
    std::optional<LogBatch> batch = std::move(at->batch);
    while (batch && batch->header.base_offset < limit) {
      if (at->scan.damage()) co_return fail(*at->scan.damage());
      if (batch->header.max_timestamp >= timestamp && batch->header.last_offset() >= from) {
        CO_TRY(const auto found, first_record(*batch, timestamp, from, limit));
        if (found) co_return found;
      }
      CO_TRY(batch, co_await at->scan.next());
    }
    if (at->scan.damage()) co_return fail(*at->scan.damage());
    co_return Found();
  }
}

/// Whether an error in reading it only says that it was removed or compacted meanwhile.
bool SegmentStore::Impl::was_replaced(const SegmentPtr& segment) const {
  return segment->removed && (swapping || std::ranges::find(segments, segment) == segments.end());
}

task::Task<Result<SegmentStore::Impl::Found>> SegmentStore::Impl::find_timestamp(UnixMillis timestamp, Offset from,
                                                                                 Offset limit, Deadline until) {
  CHECK(!destroyed);
  limit = std::min(limit, readable_end());
  // Segments may go while one is searched; those that remain keep their place in offset space.
  for (Offset next = std::max(from, start()); next < limit && !segments.empty();) {
    CO_TRY_STATUS(co_await wait_for_swap(until));
    next = std::max(next, start());
    if (next >= limit) break;
    const SegmentPtr segment = segment_of(next);
    next = segment->end;
    if (!segment->time_estimated && segment->max_timestamp() < timestamp) continue;
    auto found = co_await find_in_segment(segment, timestamp, from, limit, until);
    if (!found && was_replaced(segment)) {
      next = segment->base;
      continue;
    }
    if (!found || *found) co_return found;
  }
  co_return Found();
}

task::Task<Result<std::optional<SegmentStore::Impl::Peak>>> SegmentStore::Impl::peak_of(SegmentPtr segment,
                                                                                        Offset limit, Deadline until) {
  const auto make = [&](const TimeEntry& entry) -> std::optional<Peak> {
    if (entry.timestamp < 0) return std::nullopt;
    return Peak{segment, UnixMillis(entry.timestamp), segment->absolute(entry.relative)};
  };
  if (segment->time_estimated) CO_TRY_STATUS(co_await await_index(segment, until));
  if (segment->end <= limit) co_return make(segment->builder.latest());
  for (;;) {
    std::optional<TimeEntry> entry;
    if (segment->bytes > options.index_interval_bytes) {
      CO_TRY(CachedIndex* const index, co_await load_index(io(), segment, until));
      if (limit > segment->base) entry = index->index.latest(segment->relative(limit.plus(-1)));
    }
    auto at = co_await scan_to_time(segment, entry, until);
    if (!at && at.error().code == Errc::invalid_argument) {
      CO_TRY_STATUS(co_await distrust_index(io(), segment, until));
      continue;
    }
    if (!at) co_return std::unexpected(std::move(at).error());
    TimeEntry best{-1, 0};
    std::optional<LogBatch> batch = std::move(at->batch);
    while (batch && batch->header.last_offset() < limit) {
      if (batch->header.max_timestamp.value() > best.timestamp) {
        best = {batch->header.max_timestamp.value(), segment->relative(batch->header.last_offset())};
      }
      CO_TRY(batch, co_await at->scan.next());
    }
    if (at->scan.damage()) co_return fail(*at->scan.damage());
    co_return make(best);
  }
}

task::Task<Status> SegmentStore::Impl::await_index(SegmentPtr segment, Deadline until) {
  const auto loaded = co_await load_index(io(), segment, until);
  if (!loaded) co_return fail(loaded.error());
  co_return Status{};
}

task::Task<Result<SegmentStore::Impl::Found>> SegmentStore::Impl::max_timestamp(Offset limit, Deadline until) {
  CHECK(!destroyed);
  limit = std::min(limit, readable_end());
  std::optional<Peak> best;
  for (Offset next = start(); next < limit && !segments.empty();) {
    CO_TRY_STATUS(co_await wait_for_swap(until));
    next = std::max(next, start());
    if (next >= limit) break;
    const SegmentPtr segment = segment_of(next);
    next = segment->end;
    auto peak = co_await peak_of(segment, limit, until);
    if (!peak && was_replaced(segment)) {
      next = segment->base;
      continue;
    }
    if (!peak) co_return std::unexpected(std::move(peak).error());
    if (*peak && (!best || (*peak)->timestamp > best->timestamp)) best = std::move(**peak);
  }
  if (!best) co_return Found();
  const auto at = co_await scan_to(best->segment, best->batch_last, kScanChunk, until);
  // Gone while others were looked at: once more, with what is there now.
  if (!at && was_replaced(best->segment)) co_return co_await max_timestamp(limit, until);
  if (!at) co_return fail(at.error());
  co_return first_record(at->batch, best->timestamp, Offset(0), limit);
}

}  // namespace chronik::log
