// A compaction run: learn how transactions ended, learn the last offset of each key, rewrite group by group of
// segments.
#include "log/compact.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "log/compact_write.h"
#include "log/segment_store_impl.h"
#include "task/io.h"
#include "wire/record_reader.h"

namespace chronik::log {
namespace {
constexpr std::size_t kScanChunk = 1U << 20;
constexpr std::size_t kMapBytesMin = 64U << 10;
constexpr std::size_t kDecompressedMax = 256U << 20;

/// The keys of a batch's records. Records without a key have no place in a compacted log.
Status add_keys(const LogBatch& batch, KeyOffsets& keys) {
  TRY(auto reader, wire::RecordReader::open(batch.bytes.span(), kDecompressedMax));
  wire::RecordView record;
  for (;;) {
    TRY(const bool more, reader.next(record));
    if (!more) return {};
    if (record.key) keys.put(*record.key, record.offset);
  }
}

}  // namespace

struct SegmentStore::Impl::CompactionRun {
  CompactionOptions options;
  std::vector<SegmentPtr> segments;
  Offset from;  // the first offset not compacted before
  Offset end;   // shrinks as limits are found
  TransactionFates fates;
  KeyOffsets keys;
  CompactionResult result;
  bool too_small = false;
};

task::Task<Result<CompactionResult>> SegmentStore::Impl::compact(CompactionOptions options_) {
  CO_TRY_STATUS(check_writable());
  if (compacting) co_return fail(Errc::in_use, *directory + ": is being compacted");
  const Exclusive only(compacting);
  const Offset from = std::max(cleaned_to, start());
  const Offset end = std::min(options_.limit, recorded.segment);
  std::vector<SegmentPtr> candidates;
  std::size_t dirty_bytes = 0;
  for (const SegmentPtr& segment : segments) {
    if (segment->base >= end) break;
    candidates.push_back(segment);
    if (segment->end > from) dirty_bytes += segment->bytes;
  }
  // Small partitions need no large map.
  const std::size_t map_bytes = std::min(options_.map_bytes, std::max(dirty_bytes, kMapBytesMin));
  auto& entropy = context.env().entropy;
  CompactionRun run{.options = options_,
                    .segments = std::move(candidates),
                    .from = from,
                    .end = end,
                    .fates = TransactionFates(options_.transactions_max),
                    .keys = KeyOffsets(map_bytes, {entropy.next(), entropy.next()}),
                    .result = {},
                    .too_small = false};
  CO_TRY_STATUS(co_await learn(run));
  run.result.cleaned_to = std::max(run.from, run.end);
  if (run.end <= run.from) co_return run.result;
  std::erase_if(run.segments, [&](const SegmentPtr& segment) { return segment->base >= run.end; });
  CO_TRY_STATUS(co_await rewrite(run));
  cleaned_to = run.end;
  co_return run.result;
}

/// Calls `take` with each batch from `from` on, until it says false.
task::Task<Status> SegmentStore::Impl::each_batch(const CompactionRun& run, Offset from,
                                                  std::function<Result<bool>(const LogBatch&)> take) {
  for (const SegmentPtr& segment : run.segments) {
    if (segment->end <= from) continue;
    CO_TRY(auto scan, co_await scan_all(segment));
    for (;;) {
      scan.set_deadline(stall());
      CO_TRY(const auto batch, co_await scan.next());
      if (scan.damage()) co_return fail(*scan.damage());
      if (!batch) break;
      if (batch->header.base_offset < from) continue;
      CO_TRY(const bool more, take(*batch));
      if (!more) co_return Status{};
    }
  }
  co_return Status{};
}

task::Task<Result<SegmentScan>> SegmentStore::Impl::scan_all(SegmentPtr segment) {
  CO_TRY(auto file, co_await open_log(io(), segment, stall()));
  const ScanRange range{.position = 0,
                        .low = segment->base,
                        .exact = true,
                        .first_last = {},
                        .bytes = segment->bytes,
                        .end = segment->end};
  co_return SegmentScan(context, std::move(file), segment->path(kLogSuffix), range, kScanChunk, &epochs, stall());
}

task::Task<Status> SegmentStore::Impl::learn(CompactionRun& run) {
  const auto stop_at = [&run](Offset offset) {
    run.end = std::min(run.end, offset);
    return false;
  };
  CO_TRY_STATUS(co_await each_batch(run, Offset(0), [&](const LogBatch& batch) -> Result<bool> {
    if (batch.header.base_offset >= run.end) return false;
    TRY(const bool known, run.fates.add(batch.header, batch.bytes.span()));
    return known || stop_at(batch.header.base_offset);
  }));
  if (const auto open = run.fates.first_open()) stop_at(*open);
  CO_TRY_STATUS(co_await each_batch(run, run.from, [&](const LogBatch& batch) -> Result<bool> {
    const wire::RecordBatchHeader& header = batch.header;
    if (header.next_offset() > run.end) return stop_at(header.base_offset);
    if (header.is_control()) return true;
    if (header.is_transactional() && run.fates.aborted(header.producer_id, header.base_offset)) return true;
    if (!run.keys.has_room(static_cast<std::size_t>(header.record_count))) {
      run.too_small = header.base_offset == run.from;
      return stop_at(header.base_offset);
    }
    TRY_STATUS(add_keys(batch, run.keys));
    return true;
  }));
  if (run.too_small) co_return fail(Errc::overloaded, *directory + ": the compaction map does not hold one batch");
  co_return Status{};
}

/// The longest run of segments from `first` on that fit into one.
std::vector<SegmentPtr> SegmentStore::Impl::group_from(const CompactionRun& run, std::size_t first) const {
  const std::uint64_t bytes_max = std::min<std::uint64_t>(options.segment_bytes, INT32_MAX);
  std::vector<SegmentPtr> group;
  std::uint64_t bytes = 0;
  for (std::size_t i = first; i < run.segments.size(); ++i) {
    const SegmentPtr& segment = run.segments[i];
    bytes += segment->bytes;
    const bool fits = bytes <= bytes_max && segment->end.value() - run.segments[first]->base.value() <= INT32_MAX;
    if (!group.empty() && !fits) break;
    group.push_back(segment);
  }
  return group;
}

task::Task<Status> SegmentStore::Impl::rewrite(CompactionRun& run) {
  const auto retention_ms = std::chrono::duration_cast<std::chrono::milliseconds>(run.options.delete_retention).count();
  CompactionFilter filter(run.keys, run.fates, run.end, context.wall_now(), retention_ms);
  for (std::size_t first = 0; first < run.segments.size();) {
    const auto group = group_from(run, first);
    first += group.size();
    const SegmentPtr target = new_segment(group.front()->base);
    target->end = group.back()->end;
    if (Status done = co_await rewrite_group(run, group, target, filter); !done) {
      co_return fail(co_await give_up(target, std::move(done).error()));
    }
  }
  run.result.records_removed = filter.records_removed();
  co_return Status{};
}

/// Returns the space of a segment that will not be. A stalled disk is final here too: what was begun may still happen.
task::Task<Error> SegmentStore::Impl::give_up(SegmentPtr target, Error error) {
  if (error.code == Errc::timed_out) error = write_failed(std::move(error));
  if (!failure && !destroyed) (void)co_await discard_cleaned(target);
  co_return error;
}

task::Task<Status> SegmentStore::Impl::rewrite_group(CompactionRun& run, const std::vector<SegmentPtr>& group,
                                                     SegmentPtr target, CompactionFilter& filter) {
  CleanedWriter writer(io(), target);
  CO_TRY_STATUS(co_await writer.open());
  std::uint64_t before = 0;
  for (const SegmentPtr& segment : group) {
    before += segment->bytes;
    CO_TRY(auto scan, co_await scan_all(segment));
    for (;;) {
      scan.set_deadline(stall());
      CO_TRY(const auto batch, co_await scan.next());
      // Damaged segments stay as they are: nobody shall believe that what is missing was compacted away.
      if (scan.damage()) co_return fail(*scan.damage());
      if (!batch) break;
      std::vector<KeptBatch> kept;
      CO_TRY_STATUS(filter.add(*batch, kept));
      CO_TRY_STATUS(co_await writer.add(std::move(kept)));
    }
  }
  std::vector<KeptBatch> last;
  filter.finish(last);
  CO_TRY_STATUS(co_await writer.add(std::move(last)));
  CO_TRY_STATUS(co_await writer.finish());
  run.result.bytes_before += before;
  run.result.bytes_after += writer.bytes();
  const bool changed = group.size() > 1 || writer.bytes() != before;
  if (!changed) co_return co_await discard_cleaned(target);
  run.result.segments_replaced += group.size();
  co_return co_await swap_in(group, target);
}

}  // namespace chronik::log
