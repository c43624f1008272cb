#include "coord/replay.h"

#include "log/compact_transactions.h"
#include "wire/record_reader.h"

namespace chronik::coord {

namespace {

constexpr Duration kReadDeadline = 30s;  // of one piece
constexpr Duration kReadAgain = 1s;      // after a piece that took longer
constexpr std::size_t kDecompressedMax = std::size_t{64} << 20;

Status tell(const Buffer& batches, ReplayTarget& target) {
  wire::BatchSplitter splitter(batches.span());
  for (;;) {
    TRY(const auto batch, splitter.next());
    if (!batch) return {};
    if (batch->header.is_control()) {
      TRY(const auto marker, log::marker_of(batch->bytes));
      if (marker) target.marker(batch->header.producer_id, marker->commits);
      continue;
    }
    TRY(auto reader, wire::RecordReader::open(batch->bytes, kDecompressedMax));
    wire::RecordView record;
    for (;;) {
      TRY(const bool more, reader.next(record));
      if (!more) break;
      if (!record.key) {
        target.keyless();
        continue;
      }
      target.record(batch->header, Buffer::copy_of(*record.key),
                    record.value ? std::optional(Buffer::copy_of(*record.value)) : std::nullopt, record.offset);
    }
  }
}

}  // namespace

task::Task<bool> replay(task::Context& context, log::PartitionPtr log, std::size_t piece, ReplayTarget& target) {
  Offset at(log->log_start().value());
  while (at.value() < log->high_watermark().value()) {
    auto run = co_await log->read(at, piece, context.after(kReadDeadline));
    if (!target.wanted()) co_return false;
    if (!run) {
      if (run.error().code == Errc::out_of_range && at.value() < log->log_start().value()) {
        at = Offset(log->log_start().value());
        continue;
      }
      if (run.error().code != Errc::timed_out && run.error().code != Errc::overloaded) co_return false;
      co_await task::sleep_until(context, "coord.load", context.after(kReadAgain));
      if (!target.wanted()) co_return false;
      continue;
    }
    if (run->bytes == 0) break;
    for (const Buffer& batches : run->pieces) {
      if (!tell(batches, target)) co_return false;
    }
    at = run->end;
    // Others get their turn between pieces.
    co_await task::sleep_until(context, "coord.load", context.after(0s));
    if (!target.wanted()) co_return false;
  }
  co_return true;
}

}  // namespace chronik::coord
