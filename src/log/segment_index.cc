// Loading a segment's indexes, and making them anew from the log.
#include <fmt/format.h>

#include "base/crc32c.h"
#include "log/segment.h"
#include "task/io.h"

namespace chronik::log {
namespace {

constexpr std::size_t kScanChunk = 1U << 20;

/// The first `length` bytes of a file, if they have this checksum; nullopt if not.
task::Task<Result<std::optional<Buffer>>> read_checked(SegmentIo io, std::string path, std::size_t length,
                                                       std::uint32_t crc, Deadline until) {
  if (length == 0) co_return Buffer();
  auto file = co_await task::open(io.context, std::move(path), {.read_only = true}, io.within(until));
  if (!file && file.error().code == Errc::not_found) co_return std::nullopt;
  if (!file) co_return std::unexpected(std::move(file).error());
  CO_TRY(auto bytes, co_await task::read(io.context, *file, 0, length, io.within(until)));
  if (bytes.size() != length || crc32c(bytes.span()) != crc) co_return std::nullopt;
  co_return bytes;
}

/// The indexes as files and pending entries have them; null if they cannot be believed.
task::Task<Result<std::unique_ptr<CachedIndex>>> read_index(SegmentIo io, SegmentPtr segment, Deadline until) {
  Segment& s = *segment;
  if (s.time_estimated) co_return nullptr;
  // An append or sync may go on meanwhile. What is missed of it makes the index sparser, not wrong.
  const IndexBounds bounds = s.bounds();
  const std::vector<OffsetEntry> pending_offsets = s.pending_offsets;
  const std::vector<TimeEntry> pending_times = s.pending_times;
  const std::size_t offsets_count = s.offsets_written;
  const std::size_t times_count = s.times_written;
  const std::uint32_t times_crc = s.times_crc;
  CO_TRY(const auto offsets,
         co_await read_checked(io, s.path(kIndexSuffix), offsets_count * kOffsetEntrySize, s.offsets_crc, until));
  CO_TRY(const auto times,
         co_await read_checked(io, s.path(kTimeIndexSuffix), times_count * kTimeEntrySize, times_crc, until));
  if (!offsets || !times) co_return nullptr;
  auto loaded = std::make_unique<CachedIndex>();
  loaded->index.offsets = decode_offset_entries(offsets->span(), bounds);
  loaded->index.times = decode_time_entries(times->span(), bounds);
  if (loaded->index.offsets.size() != offsets_count || loaded->index.times.size() != times_count) co_return nullptr;
  loaded->index.offsets.insert(loaded->index.offsets.end(), pending_offsets.begin(), pending_offsets.end());
  loaded->index.times.insert(loaded->index.times.end(), pending_times.begin(), pending_times.end());
  co_return loaded;
}

/// Replaces the index files of a closed segment. Best effort: the index in memory is good either way.
task::Task<Status> store_rebuilt(SegmentIo io, SegmentPtr segment, Buffer offsets, Buffer times) {
  const SegmentSummary summary = summarize(*segment);
  const auto write = [&](std::string_view suffix, Buffer content) {
    return task::write_file_atomically(io.context, *segment->directory, segment_file_name(segment->base, suffix),
                                       std::move(content), io.stall());
  };
  if (segment->removed) co_return Status{};
  CO_TRY_STATUS(co_await write(kIndexSuffix, std::move(offsets)));
  if (segment->removed) co_return Status{};
  CO_TRY_STATUS(co_await write(kTimeIndexSuffix, std::move(times)));
  if (segment->removed) co_return Status{};
  co_return co_await write(kSummarySuffix, encode_summary(summary));
}

task::Task<Status> rebuild(SegmentIo io, SegmentPtr segment) {
  Segment& s = *segment;
  // Until a sync has written the last of it, its indexes belong to the writer.
  const bool settled = s.closed && !s.index_unsynced;
  auto made = std::make_unique<CachedIndex>();
  made->rebuilt = true;
  IndexBuilder builder;
  const ScanRange range{.position = 0, .low = s.base, .exact = true, .first_last = {}, .bytes = s.bytes, .end = s.end};
  CO_TRY_STATUS(co_await scan_index(io, segment, range, builder, made->index));
  if (!settled) {
    s.cache->keep(s.index, std::move(made));
    co_return Status{};
  }
  if (const auto last = builder.finish()) made->index.times.push_back(*last);
  const Buffer offsets = encode_offset_entries(made->index.offsets);
  const Buffer times = encode_time_entries(made->index.times);
  s.builder = builder;
  s.offsets_written = builder.offset_entries();
  s.times_written = builder.time_entries();
  s.offsets_crc = crc32c(offsets.span());
  s.times_crc = crc32c(times.span());
  s.pending_offsets = {};
  s.pending_times = {};
  s.time_estimated = false;
  s.cache->keep(s.index, std::move(made));
  (void)co_await store_rebuilt(io, segment, offsets, times);
  co_return Status{};
}

task::Task<void> run_rebuild(SegmentIo io, SegmentPtr segment, std::shared_ptr<IndexRebuild> running) {
  running->status = co_await rebuild(io, segment);
  segment->rebuild.reset();
  running->done.notify_all();
}

task::Task<Status> await_rebuild(SegmentIo io, SegmentPtr segment, Deadline until) {
  if (!segment->rebuild) {
    segment->rebuild = std::make_shared<IndexRebuild>(io.context);
    io.context.spawn("segment.rebuild_index", run_rebuild(io, segment, segment->rebuild));
  }
  const auto running = segment->rebuild;
  while (!running->status) {
    const auto woken = co_await running->done.wait("segment.rebuild_index", until);
    if (woken != task::Woken::notified && !running->status) {
      co_return fail(Errc::timed_out, "index rebuild of " + segment->path(kLogSuffix));
    }
  }
  co_return *running->status;
}

}  // namespace

task::Task<Status> scan_index(SegmentIo io, SegmentPtr segment, ScanRange range, IndexBuilder& builder,
                              SparseIndex& into) {
  CO_TRY(auto file, co_await open_log(io, segment, io.stall()));
  SegmentScan scan(io.context, std::move(file), segment->path(kLogSuffix), range, kScanChunk, nullptr, io.stall());
  for (;;) {
    scan.set_deadline(io.stall());
    CO_TRY(const auto batch, co_await scan.next());
    if (!batch) co_return Status{};
    const auto entries = builder.add({.last_relative = segment->relative(batch->header.last_offset()),
                                      .position = static_cast<std::uint32_t>(batch->position),
                                      .size = static_cast<std::uint32_t>(batch->bytes.size()),
                                      .max_timestamp = batch->header.max_timestamp.value()},
                                     io.index_interval_bytes);
    if (entries.offset) into.offsets.push_back(*entries.offset);
    if (entries.time) into.times.push_back(*entries.time);
  }
}

task::Task<Result<CachedIndex*>> load_index(SegmentIo io, SegmentPtr segment, Deadline until) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (segment->index) {
      io.cache->touch(*segment->index);
      co_return segment->index.get();
    }
    CO_TRY(auto loaded, co_await read_index(io, segment, until));
    if (segment->removed && !loaded) break;
    if (loaded && !segment->index) {
      segment->cache->keep(segment->index, std::move(loaded));
    } else if (!segment->index) {
      CO_TRY_STATUS(co_await await_rebuild(io, segment, until));
    }
  }
  if (segment->index) co_return segment->index.get();
  co_return fail(segment->removed ? Errc::out_of_range : Errc::timed_out, "index of " + segment->path(kLogSuffix));
}

task::Task<Status> distrust_index(SegmentIo io, SegmentPtr segment, Deadline until) {
  if (segment->index) {
    if (segment->index->rebuilt) co_return fail(Errc::corrupt, "index of " + segment->path(kLogSuffix));
    segment->cache->drop(segment->index);
  }
  co_return co_await await_rebuild(io, segment, until);
}

}  // namespace chronik::log
