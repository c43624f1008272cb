#include "log/segment.h"

#include <algorithm>

#include "base/crc32c.h"
#include "task/io.h"

namespace chronik::log {

Segment::Segment(std::shared_ptr<const std::string> in, Offset at, std::shared_ptr<SegmentCache> from)
    : directory(std::move(in)), cache(std::move(from)), base(at), end(at) {}

Segment::~Segment() {
  cache->drop(log);
  cache->drop(direct);
  cache->drop(offsets_file);
  cache->drop(times_file);
  cache->drop(index);
}

std::string Segment::path(std::string_view suffix) const {
  return *directory + "/" + segment_file_name(base, suffix);
}

void Segment::add(const IndexBuilder::Entries& entries) {
  if (entries.offset) pending_offsets.push_back(*entries.offset);
  if (entries.time) pending_times.push_back(*entries.time);
  if (!entries.offset && !entries.time) return;
  index_unsynced = true;
  if (!index) return;
  if (entries.offset) index->index.offsets.push_back(*entries.offset);
  if (entries.time) index->index.times.push_back(*entries.time);
  cache->recharge(*index);
}

std::vector<env::FilePtr> Segment::unsynced() const {
  std::vector<env::FilePtr> files;
  for (const auto* file : {&unsynced_log, &unsynced_offsets, &unsynced_times, &unsynced_summary}) {
    if (*file) files.push_back(*file);
  }
  return files;
}

void Segment::release_files() {
  const auto hand_over = [this](env::FilePtr& unsynced, CachedFile& slot) {
    if (!unsynced) return;
    cache->drop(slot);
    slot.file = std::move(unsynced);
    unsynced.reset();
    cache->keep(slot);
  };
  hand_over(unsynced_log, log);
  if (closed) {
    partial = {};
    // Nobody writes them again, and they are read once in a while, as a whole.
    unsynced_offsets.reset();
    unsynced_times.reset();
    cache->drop(direct);
    cache->drop(offsets_file);
    cache->drop(times_file);
  }
  hand_over(unsynced_offsets, offsets_file);
  hand_over(unsynced_times, times_file);
  unsynced_summary.reset();
}

void Segment::mark_synced() {
  release_files();
  index_unsynced = !pending_offsets.empty() || !pending_times.empty();
}

SegmentSummary summarize(const Segment& segment) {
  const TimeEntry& latest = segment.builder.latest();
  return {.base = segment.base,
          .end = segment.end,
          .bytes = segment.bytes,
          .max_timestamp = UnixMillis(latest.timestamp),
          .max_timestamp_offset = segment.absolute(latest.relative),
          .offset_entries = segment.offsets_written,
          .offsets_crc = segment.offsets_crc,
          .time_entries = segment.times_written,
          .times_crc = segment.times_crc};
}

task::Task<Result<env::FilePtr>> open_log(SegmentIo io, SegmentPtr segment, Deadline until) {
  if (segment->unsynced_log) co_return segment->unsynced_log;
  if (segment->log.file) {
    io.cache->touch(segment->log);
    co_return segment->log.file;
  }
  auto file =
      co_await task::open(io.context, segment->path(kLogSuffix), {.read_only = segment->closed}, io.within(until));
  if (!file) co_return std::unexpected(std::move(file).error());
  // Meanwhile another reader, or the writer, may have opened it.
  if (segment->unsynced_log) co_return segment->unsynced_log;
  if (!segment->log.file && !segment->removed) {
    segment->log.file = *file;
    io.cache->keep(segment->log);
  }
  co_return *file;
}

task::Task<Status> open_to_write(SegmentIo io, SegmentPtr segment, CachedFile& slot, env::FilePtr& unsynced,
                                 std::string_view suffix) {
  if (unsynced) co_return Status{};
  if (slot.file) {
    unsynced = slot.file;
    io.cache->drop(slot);
    co_return Status{};
  }
  auto file = co_await task::open(io.context, segment->path(suffix), {.create = true}, io.stall());
  if (!file) co_return std::unexpected(std::move(file).error());
  unsynced = std::move(*file);
  co_return Status{};
}

namespace {

task::Task<Status> write_at(SegmentIo io, env::FilePtr file, std::uint64_t position, Buffer bytes) {
  if (bytes.empty()) co_return Status{};
  std::vector<Buffer> pieces;
  pieces.push_back(std::move(bytes));
  co_return co_await task::write(io.context, std::move(file), position, std::move(pieces), env::Sync::none, io.stall());
}

}  // namespace

task::Task<Status> write_index(SegmentIo io, SegmentPtr segment) {
  Segment& s = *segment;
  if (!s.index_unsynced) co_return Status{};
  const std::size_t pending = std::max(s.pending_offsets.size(), s.pending_times.size());
  if (!s.closed && !s.index_reset && pending < io.index_lag_entries) co_return Status{};
  CO_TRY_STATUS(co_await open_to_write(io, segment, s.offsets_file, s.unsynced_offsets, kIndexSuffix));
  CO_TRY_STATUS(co_await open_to_write(io, segment, s.times_file, s.unsynced_times, kTimeIndexSuffix));
  if (s.index_reset) {
    CO_TRY_STATUS(co_await task::truncate(io.context, s.unsynced_offsets, 0, io.stall()));
    CO_TRY_STATUS(co_await task::truncate(io.context, s.unsynced_times, 0, io.stall()));
    s.index_reset = false;
  }
  // Counts move on only when both writes are done, so that a repeat after disk_full writes the same bytes again.
  const Buffer offsets = encode_offset_entries(s.pending_offsets);
  const Buffer times = encode_time_entries(s.pending_times);
  CO_TRY_STATUS(co_await write_at(io, s.unsynced_offsets, s.offsets_written * kOffsetEntrySize, offsets));
  CO_TRY_STATUS(co_await write_at(io, s.unsynced_times, s.times_written * kTimeEntrySize, times));
  s.offsets_crc = crc32c(offsets.span(), s.offsets_crc);
  s.times_crc = crc32c(times.span(), s.times_crc);
  s.offsets_written += static_cast<std::uint32_t>(s.pending_offsets.size());
  s.times_written += static_cast<std::uint32_t>(s.pending_times.size());
  s.pending_offsets = {};
  s.pending_times = {};
  if (!s.closed) co_return Status{};
  if (!s.unsynced_summary) {
    CO_TRY(s.unsynced_summary, co_await task::open(io.context, s.path(kSummarySuffix), {.create = true}, io.stall()));
  }
  co_return co_await write_at(io, s.unsynced_summary, 0, encode_summary(summarize(s)));
}

}  // namespace chronik::log
