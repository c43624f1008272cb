#include "log/segment_scan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"
#include "task/io.h"

namespace chronik::log {
namespace {

using wire::kBatchHeaderSize;

// A batch that announces more than this is checksummed in pieces before so much memory is spent on it.
constexpr std::size_t kLargeBatch = 4U << 20;

/// The fields of a header whose batch may not be in memory as a whole; nullopt if they cannot be true.
std::optional<wire::RecordBatchHeader> parse_head(ByteSpan head, std::uint64_t room) {
  const std::byte* const at = head.data();
  wire::RecordBatchHeader header;
  header.batch_length = load_be<std::int32_t>(at + wire::kBatchLengthAt);
  if (std::to_integer<int>(at[wire::kMagicAt]) != wire::kMagicV2) return std::nullopt;
  if (header.batch_length < static_cast<std::int32_t>(kBatchHeaderSize - wire::kBatchLengthEnd)) return std::nullopt;
  if (header.size() > room) return std::nullopt;
  header.crc = load_be<std::uint32_t>(at + wire::kCrcAt);
  header.base_offset = Offset(load_be<std::int64_t>(at + wire::kBaseOffsetAt));
  header.last_offset_delta = load_be<std::int32_t>(at + wire::kLastOffsetDeltaAt);
  header.leader_epoch = LeaderEpoch(load_be<std::int32_t>(at + wire::kLeaderEpochAt));
  if (header.base_offset.value() < 0 || header.base_offset.value() > INT64_MAX / 2 || header.last_offset_delta < 0) {
    return std::nullopt;
  }
  return header;
}

}  // namespace

SegmentScan::SegmentScan(task::Context& context, env::FilePtr file, std::string path, const ScanRange& range,
                         std::size_t chunk, const EpochList* epochs, Deadline until)
    : context_(context),
      file_(std::move(file)),
      path_(std::move(path)),
      range_(range),
      chunk_(chunk),
      epochs_(epochs),
      until_(until) {}

task::Task<Result<std::optional<LogBatch>>> SegmentScan::next() {
  if (range_.position >= range_.bytes) co_return std::nullopt;
  CO_TRY(auto batch, co_await batch_at(range_.position));
  if (!batch) {
    note_damage();
    CO_TRY(batch, co_await resync());
    if (!batch) {
      range_.position = range_.bytes;
      co_return std::nullopt;
    }
  }
  range_.position = batch->position + batch->bytes.size();
  range_.low = batch->header.next_offset();
  range_.exact = true;
  range_.first_last.reset();
  co_return batch;
}

task::Task<Result<Buffer>> SegmentScan::bytes(std::uint64_t position, std::size_t length) {
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, range_.bytes - position));
  if (position < held_at_ || position + length > held_at_ + held_.size()) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(std::max(length, chunk_), range_.bytes - position));
    held_ = Buffer();
    CO_TRY(held_, co_await task::read(context_, file_, position, wanted, until_));
    held_at_ = position;
    length = std::min(length, held_.size());
  }
  co_return held_.slice(static_cast<std::size_t>(position - held_at_), length);
}

std::optional<std::uint64_t> SegmentScan::next_size() const {
  const std::uint64_t at = range_.position;
  if (at < held_at_ || at + wire::kBatchLengthEnd > held_at_ + held_.size()) return std::nullopt;
  const auto length = load_be<std::int32_t>(held_.data() + (at - held_at_) + wire::kBatchLengthAt);
  return wire::kBatchLengthEnd + static_cast<std::uint64_t>(std::max(length, 0));
}

bool SegmentScan::offsets_hold(const wire::RecordBatchHeader& header) const {
  if (header.base_offset < range_.low || header.next_offset() > range_.end) return false;
  if (range_.exact && header.base_offset != range_.low) return false;
  if (range_.first_last && header.last_offset() != *range_.first_last) return false;
  if (!epochs_) return true;
  // Nothing is known of offsets that were removed meanwhile.
  const auto epoch = epochs_->at(header.base_offset);
  return !epoch || *epoch == header.leader_epoch;
}

task::Task<Result<std::optional<LogBatch>>> SegmentScan::batch_at(std::uint64_t position) {
  CO_TRY(const auto head_bytes, co_await bytes(position, kBatchHeaderSize));
  if (head_bytes.size() < kBatchHeaderSize) co_return std::nullopt;
  const auto head = parse_head(head_bytes.span(), range_.bytes - position);
  if (!head || !offsets_hold(*head)) co_return std::nullopt;
  if (head->size() > std::max(chunk_, kLargeBatch)) {
    CO_TRY(const bool holds, co_await crc_holds(*head, position));
    if (!holds) co_return std::nullopt;
  }
  CO_TRY(auto whole, co_await bytes(position, head->size()));
  if (whole.size() < head->size()) co_return std::nullopt;
  const auto header = wire::parse_batch_header(whole.span());
  if (!header || !wire::batch_crc_holds(whole.span())) co_return std::nullopt;
  co_return LogBatch{*header, position, std::move(whole), held_, held_at_};
}

task::Task<Result<bool>> SegmentScan::crc_holds(const wire::RecordBatchHeader& head, std::uint64_t position) {
  std::uint32_t crc = 0;
  const std::uint64_t end = position + head.size();
  for (std::uint64_t at = position + wire::kAttributesAt; at < end;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kLargeBatch, end - at));
    CO_TRY(const auto piece, co_await task::read(context_, file_, at, wanted, until_));
    if (piece.size() < wanted) co_return false;
    crc = crc32c(piece.span(), crc);
    at += wanted;
  }
  co_return crc == head.crc;
}

task::Task<Result<std::optional<LogBatch>>> SegmentScan::resync() {
  // The batch in place is lost; what ends it, and with it the offset of the next one, is not known.
  range_.exact = false;
  range_.first_last.reset();
  for (std::uint64_t at = range_.position + 1; at + kBatchHeaderSize <= range_.bytes;) {
    CO_TRY(const auto window, co_await bytes(at, std::max(chunk_, 2 * kBatchHeaderSize)));
    if (window.size() < kBatchHeaderSize) co_return std::nullopt;
    const std::size_t stop = window.size() - kBatchHeaderSize + 1;
    for (std::size_t i = 0; i < stop; ++i) {
      const std::byte* const here = window.data() + i;
      if (std::to_integer<int>(here[wire::kMagicAt]) != wire::kMagicV2) continue;
      const Offset base(load_be<std::int64_t>(here + wire::kBaseOffsetAt));
      if (base < range_.low || base >= range_.end) continue;
      CO_TRY(auto batch, co_await batch_at(at + i));
      if (batch) co_return batch;
    }
    at += stop;
  }
  co_return std::nullopt;
}

void SegmentScan::note_damage() {
  if (damage_) return;
  damage_ = Error{Errc::corrupt, fmt::format("{}: no valid batch at position {}", path_, range_.position)};
}

}  // namespace chronik::log
