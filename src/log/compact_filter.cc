#include "log/compact_filter.h"

#include <algorithm>

#include "wire/record_batch_builder.h"
#include "wire/record_reader.h"

namespace chronik::log {
namespace {

constexpr std::size_t kDecompressedMax = 256U << 20;

/// A batch without records: it only says that its offsets were there.
KeptBatch empty_batch(Offset base, Offset last, LeaderEpoch epoch) {
  wire::RecordBatchHeader header;
  header.base_offset = base;
  header.batch_length = static_cast<std::int32_t>(wire::kBatchHeaderSize - wire::kBatchLengthEnd);
  header.leader_epoch = epoch;
  header.last_offset_delta = static_cast<std::int32_t>(last.value() - base.value());
  header.base_timestamp = header.max_timestamp = UnixMillis(-1);
  auto block = Block::allocate(wire::kBatchHeaderSize);
  const MutableByteSpan bytes(block->data(), wire::kBatchHeaderSize);
  wire::store_batch_header(bytes, header);
  header.crc = wire::compute_batch_crc(bytes);
  store_be(bytes.data() + wire::kCrcAt, header.crc);
  return {header, Buffer(std::move(block), bytes)};
}

}  // namespace

Status CompactionFilter::add(const LogBatch& batch, std::vector<KeptBatch>& out) {
  std::optional<KeptBatch> kept;
  if (batch.header.base_offset >= end_) {
    kept = KeptBatch{batch.header, batch.bytes};
  } else if (batch.header.is_control()) {
    TRY(const auto marker, marker_of(batch.bytes.span()));
    if (!marker || keeps_marker(batch, marker->commits)) kept = KeptBatch{batch.header, batch.bytes};
  } else if (!batch.header.is_transactional() || !fates_.aborted(batch.header.producer_id, batch.header.base_offset)) {
    TRY(kept, rewrite(batch));
    if (kept && batch.header.is_transactional()) kept_in_transaction_[batch.header.producer_id] = true;
  }
  if (!kept) {
    records_removed_ += static_cast<std::uint64_t>(batch.header.record_count);
    remove(batch.header, out);
    return {};
  }
  finish(out);
  out.push_back(std::move(*kept));
  return {};
}

bool CompactionFilter::keeps_marker(const LogBatch& batch, bool commits) {
  const auto found = kept_in_transaction_.find(batch.header.producer_id);
  const bool has_records = found != kept_in_transaction_.end();
  if (has_records) kept_in_transaction_.erase(found);
  // Readers of committed records take an aborted producer back only at its abort marker.
  return !commits || has_records || batch.header.max_timestamp >= now_.plus(-delete_retention_ms_);
}

bool CompactionFilter::keeps_record(const wire::RecordView& record, bool tombstones_expired) const {
  if (record.offset >= end_) return true;
  if (!record.key) return false;
  const auto last = keys_.find(*record.key);
  if (last && *last > record.offset) return false;
  return record.value || !tombstones_expired;
}

Result<CompactionFilter::Choice> CompactionFilter::choose(const LogBatch& batch) const {
  const auto horizon = batch.header.delete_horizon();
  const bool expired = horizon && *horizon <= now_;
  TRY(auto reader, wire::RecordReader::open(batch.bytes.span(), kDecompressedMax));
  Choice choice;
  wire::RecordView record;
  for (;;) {
    TRY(const bool more, reader.next(record));
    if (!more) return choice;
    const bool keeps = keeps_record(record, expired);
    choice.keeps.push_back(keeps);
    choice.kept += keeps ? 1 : 0;
    choice.tombstones = choice.tombstones || (keeps && !record.value);
  }
}

Result<std::optional<KeptBatch>> CompactionFilter::rewrite(const LogBatch& batch) {
  const wire::RecordBatchHeader& header = batch.header;
  TRY(const Choice choice, choose(batch));
  if (choice.kept == 0) return std::nullopt;
  const bool undated = choice.tombstones && !header.delete_horizon();
  if (choice.kept == header.record_count && !undated) return KeptBatch{header, batch.bytes};
  wire::BatchOptions options;
  options.codec = header.codec();
  options.base_offset = header.base_offset;
  options.leader_epoch = header.leader_epoch;
  options.producer_id = header.producer_id;
  options.producer_epoch = header.producer_epoch;
  options.base_sequence = header.base_sequence;
  options.transactional = header.is_transactional();
  if (header.is_log_append_time()) options.log_append_time = header.max_timestamp;
  if (choice.tombstones) options.delete_horizon = header.delete_horizon().value_or(now_.plus(delete_retention_ms_));
  options.last_offset_delta_min = header.last_offset_delta;
  wire::RecordBatchBuilder builder(options);
  TRY(auto reader, wire::RecordReader::open(batch.bytes.span(), kDecompressedMax));
  wire::RecordView record;
  for (const bool keeps : choice.keeps) {
    TRY(const bool more, reader.next(record));
    if (more && keeps) builder.add_at(record.offset_delta, record.timestamp, record.key, record.value, record.headers);
  }
  records_removed_ += static_cast<std::uint64_t>(header.record_count - builder.count());
  TRY(auto bytes, builder.build());
  TRY(const auto rewritten, wire::parse_batch_header(bytes.span()));
  return KeptBatch{rewritten, std::move(bytes)};
}

void CompactionFilter::remove(const wire::RecordBatchHeader& header, std::vector<KeptBatch>& out) {
  const bool extends =
      hole_ && hole_->epoch == header.leader_epoch && header.last_offset().value() - hole_->base.value() < INT32_MAX;
  if (extends) {
    hole_->last = header.last_offset();
    return;
  }
  finish(out);
  hole_ = Hole{header.base_offset, header.last_offset(), header.leader_epoch};
}

void CompactionFilter::finish(std::vector<KeptBatch>& out) {
  if (hole_) out.push_back(empty_batch(hole_->base, hole_->last, hole_->epoch));
  hole_.reset();
}

}  // namespace chronik::log
