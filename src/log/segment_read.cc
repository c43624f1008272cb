// Reading: from the sparse index or a sequential reader's cursor to a position, then batch by batch, each verified.
#include <fmt/format.h>

#include <algorithm>

#include "log/segment_store_impl.h"

namespace chronik::log {
namespace {

constexpr std::size_t kReadAhead = 64U << 10;  // least that is read from disk at once
constexpr std::size_t kReadAtOnce = 4U << 20;  // and most, unless one batch is larger

/// Joins batches that lie side by side in memory to one piece.
class Pieces {
 public:
  explicit Pieces(Run& run) : run_(run) {}
  ~Pieces() { flush(); }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  void add(const LogBatch& batch) {
    const bool joins = length_ != 0 && batch.window.data() == window_.data() && batch.window.size() == window_.size() &&
                       batch.bytes.data() == window_.data() + at_ + length_;
    if (!joins) {
      flush();
      // Held until then, so equal addresses mean the same window.
      window_ = batch.window;
      at_ = static_cast<std::size_t>(batch.bytes.data() - window_.data());
    }
    length_ += batch.bytes.size();
    run_.bytes += batch.bytes.size();
    run_.end = batch.header.next_offset();
  }

 private:
  void flush() {
    if (length_ != 0) run_.pieces.push_back(window_.slice(at_, length_));
    length_ = 0;
  }
  Run& run_;
  Buffer window_;
  std::size_t at_ = 0;
  std::size_t length_ = 0;
};

void remember_cursor(Segment& segment, Offset next, std::uint64_t position) {
  if (!segment.index || next >= segment.end) return;
  CachedIndex& index = *segment.index;
  index.cursors[index.next_cursor++ % index.cursors.size()] = {next, position};
}

}  // namespace

task::Task<Result<Run>> SegmentStore::Impl::read(Offset from, Offset limit, std::size_t bytes_max, Deadline until) {
  CHECK(!destroyed);
  Run run;
  run.end = from;
  if (from < start()) {
    co_return fail(Errc::out_of_range,
                   fmt::format("{}: offset {} is below {}", *directory, from.value(), start().value()));
  }
  for (;;) {
    if (swapping) {
      if (const Status waited = co_await wait_for_swap(until); !waited && run.pieces.empty())
        co_return fail(waited.error());
      if (swapping) break;
    }
    // What follows may have been removed meanwhile.
    if (run.end >= std::min(limit, readable_end()) || run.end < start()) break;
    const SegmentPtr segment = segment_of(run.end);
    auto to_end = co_await read_segment(segment, limit, bytes_max, until, run);
    if (!to_end) {
      if (!run.pieces.empty()) break;
      if (segment->removed && run.end < start()) {
        co_return fail(Errc::out_of_range, fmt::format("{}: offset {} was removed", *directory, from.value()));
      }
      // Compacted meanwhile: another segment has its place, or is about to.
      if (was_replaced(segment)) continue;
      co_return std::unexpected(std::move(to_end).error());
    }
    if (!*to_end || run.bytes >= bytes_max) break;
  }
  co_return run;
}

task::Task<Result<ScanRange>> SegmentStore::Impl::range_from(SegmentPtr segment, Offset from, Deadline until) {
  ScanRange range{.position = 0, .low = segment->base, .exact = true, .first_last = {}, .bytes = 0, .end = Offset()};
  // A small one is scanned from its beginning: no index would have an entry.
  if (from > segment->base && segment->bytes > options.index_interval_bytes) {
    CO_TRY(CachedIndex* const index, co_await load_index(io(), segment, until));
    const auto cursor = std::ranges::find(index->cursors, from, &ReadCursor::next);
    if (cursor != index->cursors.end()) {
      range.position = cursor->position;
      range.low = from;
    } else if (const auto entry = index->index.at_or_below(segment->relative(from))) {
      range.position = entry->position;
      range.exact = false;
      range.first_last = segment->absolute(entry->relative);
    }
  }
  range.bytes = segment->bytes;
  range.end = segment->end;
  if (failure && segment->base == synced.segment) {
    range.bytes = synced.bytes;
    range.end = Offset(synced.end.value());
  }
  co_return range;
}

task::Task<Result<Positioned>> SegmentStore::Impl::scan_to(SegmentPtr segment, Offset from, std::size_t chunk,
                                                           Deadline until) {
  for (;;) {
    CO_TRY(auto file, co_await open_log(io(), segment, until));
    CO_TRY(const auto range, co_await range_from(segment, from, until));
    SegmentScan scan(context, std::move(file), segment->path(kLogSuffix), range, chunk,
                     epochs_known ? &epochs : nullptr, io().within(until));
    bool first = true;
    for (;;) {
      CO_TRY(auto batch, co_await scan.next());
      const bool index_lied = first && range.first_last && scan.damage();
      first = false;
      if (index_lied) {
        // Either the index or the batch that it points to is wrong: one scan tells, and the index made by it is true.
        const Status again = co_await distrust_index(io(), segment, until);
        if (again) break;
        if (again.error().code != Errc::corrupt) co_return fail(again.error());
      }
      if (batch && batch->header.last_offset() < from) continue;
      if (batch && batch->header.base_offset <= from) co_return Positioned{std::move(*batch), std::move(scan)};
      if (scan.damage()) co_return fail(*scan.damage());
      co_return fail(Errc::corrupt, fmt::format("{}: offset {} is missing at position {}", segment->path(kLogSuffix),
                                                from.value(), batch ? batch->position : range.bytes));
    }
  }
}

task::Task<Result<bool>> SegmentStore::Impl::read_segment(SegmentPtr segment, Offset limit, std::size_t bytes_max,
                                                          Deadline until, Run& run) {
  const std::size_t wanted = bytes_max - run.bytes;
  const std::size_t chunk = std::clamp(wanted + options.index_interval_bytes, kReadAhead, kReadAtOnce);
  CO_TRY(auto at, co_await scan_to(segment, run.end, chunk, until));
  if (at.batch.header.last_offset() >= limit) co_return false;
  if (run.bytes != 0 && run.bytes + at.batch.bytes.size() > bytes_max) co_return false;
  Pieces pieces(run);
  pieces.add(at.batch);
  std::uint64_t position = at.scan.position();
  bool to_end = false;
  while (run.bytes < bytes_max && !to_end) {
    const auto size = at.scan.next_size();
    // What is not in memory is worth another read only if much is still wanted.
    if (size ? run.bytes + *size > bytes_max : bytes_max - run.bytes < kReadAhead) break;
    const auto next = co_await at.scan.next();
    if (!next) break;
    to_end = !*next;
    // Behind damage nothing is taken: whoever asks for it by offset gets it, or the error.
    if (to_end || (*next)->header.base_offset != run.end) break;
    if ((*next)->header.last_offset() >= limit || run.bytes + (*next)->bytes.size() > bytes_max) break;
    pieces.add(**next);
    position = at.scan.position();
  }
  remember_cursor(*segment, run.end, position);
  co_return run.end >= segment->end;
}

}  // namespace chronik::log
