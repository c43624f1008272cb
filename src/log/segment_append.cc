// Appending: first the whole call is planned without I/O (which batches go to which segment, with which index entries),
// then written, and only then does it count. A call that failed leaves nothing to undo in memory.
#include <fmt/format.h>

#include <algorithm>

#include "base/recoverable.h"
#include "log/segment_store_impl.h"
#include "task/io.h"

namespace chronik::log {

/// Contiguous batches that go to one segment in one write, and what the segment is afterwards.
struct SegmentStore::Impl::PlannedRun {
  SegmentPtr segment;
  bool fresh = false;  // the segment is new
  std::size_t first = 0;
  std::size_t count = 0;
  std::uint64_t position = 0;
  std::uint64_t bytes = 0;
  Offset end;
  UnixMillis first_timestamp{-1};
  IndexBuilder builder;
  std::vector<IndexBuilder::Entries> entries;
};

Status SegmentStore::Impl::check_batches(const std::vector<BatchRef>& batches) const {
  Offset next = end();
  if (segments.empty()) next = std::max(next, batches.front().base);
  LeaderEpoch epoch = epochs.entries().empty() ? LeaderEpoch(INT32_MIN) : epochs.entries().back().epoch;
  for (const BatchRef& batch : batches) {
    if (batch.base != next || batch.last < batch.base || batch.leader_epoch < epoch || batch.bytes.empty() ||
        batch.bytes.size() > INT32_MAX) {
      return fail(Errc::invalid_argument, fmt::format("{}: batch {}-{} does not follow {}", *directory,
                                                      batch.base.value(), batch.last.value(), next.value()));
    }
    next = batch.last.plus(1);
    epoch = batch.leader_epoch;
  }
  return {};
}

bool SegmentStore::Impl::must_roll(const PlannedRun& run, const BatchRef& batch) const {
  if (run.bytes == 0) return false;
  // Positions and relative offsets in the indexes are 31 bits.
  const std::uint64_t bytes_max = std::min<std::uint64_t>(options.segment_bytes, INT32_MAX);
  if (run.bytes + batch.bytes.size() > bytes_max) return true;
  if (batch.last.value() - run.segment->base.value() > INT32_MAX) return true;
  if ((run.builder.offset_entries() + 1) * kOffsetEntrySize > options.index_bytes_max) return true;
  // One more may be needed to close it.
  if ((run.builder.time_entries() + 2) * kTimeEntrySize > options.index_bytes_max) return true;
  if (run.first_timestamp.value() < 0 || batch.max_timestamp <= run.first_timestamp) return false;
  const auto age_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options.segment_age).count();
  return wire::timestamp_difference(batch.max_timestamp, run.first_timestamp) > age_ms;
}

std::vector<SegmentStore::Impl::PlannedRun> SegmentStore::Impl::plan(const std::vector<BatchRef>& batches) const {
  std::vector<PlannedRun> runs;
  const auto begin_run = [&](SegmentPtr segment, bool fresh, std::size_t first) {
    PlannedRun& run = runs.emplace_back();
    run.fresh = fresh;
    run.first = first;
    run.position = run.bytes = segment->bytes;
    run.first_timestamp = segment->first_timestamp;
    run.builder = segment->builder;
    run.segment = std::move(segment);
  };
  if (!segments.empty()) begin_run(segments.back(), false, 0);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const BatchRef& batch = batches[i];
    if (runs.empty() || must_roll(runs.back(), batch)) begin_run(new_segment(batch.base), true, i);
    PlannedRun& run = runs.back();
    if (run.bytes == 0) run.first_timestamp = batch.max_timestamp;
    run.entries.push_back(run.builder.add({.last_relative = run.segment->relative(batch.last),
                                           .position = static_cast<std::uint32_t>(run.bytes),
                                           .size = static_cast<std::uint32_t>(batch.bytes.size()),
                                           .max_timestamp = batch.max_timestamp.value()},
                                          options.index_interval_bytes));
    ++run.count;
    run.bytes += batch.bytes.size();
    run.end = batch.last.plus(1);
  }
  // The active segment was full already.
  if (runs.front().count == 0) runs.erase(runs.begin());
  return runs;
}

task::Task<Status> SegmentStore::Impl::append(std::vector<BatchRef> batches) {
  CO_TRY_STATUS(co_await wait_for_swap(context.after(options.stall_deadline * 6)));
  const Exclusive writer(busy, &idle);
  CO_TRY_STATUS(check_writable());
  if (batches.empty()) co_return Status{};
  CO_TRY_STATUS(check_batches(batches));
  auto runs = plan(batches);
  Status written = co_await prepare_directory();
  if (written) written = co_await write_runs(runs, batches);
  if (!written) {
    const Error error = write_failed(std::move(written).error());
    if (is_recoverable(error.code)) {
      if (auto back = co_await take_back(std::move(runs)); !back) {
        co_return fail(write_failed({Errc::storage_failed, back.error().message()}));
      }
    }
    co_return fail(error);
  }
  for (PlannedRun& run : runs) commit(run);
  for (const BatchRef& batch : batches) {
    if (epochs.append(batch.leader_epoch, batch.base)) epochs_dirty = true;
  }
  co_return Status{};
}

task::Task<Status> SegmentStore::Impl::prepare_directory() {
  if (prepared) co_return Status{};
  CO_TRY_STATUS(co_await task::make_directory(context, *directory, stall()));
  root_dirty = directory_dirty = true;
  // Whatever lies there was never recorded, so it never counted; but it must be ours.
  CO_TRY_STATUS(co_await check_metadata(true));
  CO_TRY(const auto entries, co_await task::list(context, *directory, stall()));
  for (const auto& entry : entries) {
    if (entry.name == kMetadataFile) continue;
    CO_TRY_STATUS(co_await task::remove(context, path(entry.name), stall()));
  }
  if (!unsynced_metadata) {
    CO_TRY(unsynced_metadata, co_await task::open(context, path(kMetadataFile), {.create = true}, stall()));
  }
  CO_TRY_STATUS(co_await task::truncate(context, unsynced_metadata, 0, stall()));
  std::vector<Buffer> text;
  text.push_back(Buffer::copy_of(as_bytes(partition_metadata_text(id.topic))));
  CO_TRY_STATUS(co_await task::write(context, unsynced_metadata, 0, std::move(text), env::Sync::none, stall()));
  prepared = true;
  co_return Status{};
}

task::Task<Status> SegmentStore::Impl::create_log(SegmentPtr segment) {
  CO_TRY_STATUS(co_await open_to_write(io(), segment, segment->log, segment->unsynced_log, kLogSuffix));
  directory_dirty = true;
  segment->index_reset = segment->index_unsynced = true;
  // An earlier attempt may have left bytes.
  co_return co_await task::truncate(context, segment->unsynced_log, 0, stall());
}

task::Task<Status> SegmentStore::Impl::write_runs(const std::vector<PlannedRun>& runs,
                                                  const std::vector<BatchRef>& batches) {
  for (const PlannedRun& run : runs) {
    Segment& segment = *run.segment;
    if (run.fresh) {
      CO_TRY_STATUS(co_await create_log(run.segment));
    } else {
      CO_TRY_STATUS(co_await open_to_write(io(), run.segment, segment.log, segment.unsynced_log, kLogSuffix));
    }
    std::vector<Buffer> pieces;
    pieces.reserve(run.count);
    for (std::size_t i = run.first; i < run.first + run.count; ++i) pieces.push_back(batches[i].bytes);
    CO_TRY_STATUS(co_await write_log(io(), run.segment, run.position, std::move(pieces)));
  }
  co_return Status{};
}

/// Returns the space of a call that did not fit. An operation that fails here might still happen later, to bytes that
/// count by then: hence the caller takes failure for final.
task::Task<Status> SegmentStore::Impl::take_back(std::vector<PlannedRun> runs) {
  for (const PlannedRun& run : runs) {
    if (!run.segment->unsynced_log) continue;  // not reached
    if (!run.fresh) {
      CO_TRY_STATUS(co_await task::truncate(context, run.segment->unsynced_log, run.position, stall()));
      continue;
    }
    run.segment->unsynced_log.reset();
    const Status gone = co_await task::remove(context, run.segment->path(kLogSuffix), stall());
    if (!gone && gone.error().code != Errc::not_found) co_return gone;
  }
  co_return Status{};
}

void SegmentStore::Impl::close_active() {
  if (segments.empty()) return;
  Segment& active = *segments.back();
  active.add({.offset = {}, .time = active.builder.finish()});
  active.closed = true;
  active.index_unsynced = true;
}

void SegmentStore::Impl::commit(PlannedRun& run) {
  if (run.fresh) {
    close_active();
    segments.push_back(run.segment);
  }
  Segment& segment = *run.segment;
  segment.bytes = run.bytes;
  segment.end = run.end;
  segment.first_timestamp = run.first_timestamp;
  segment.builder = run.builder;
  for (const auto& entries : run.entries) segment.add(entries);
}

}  // namespace chronik::log
