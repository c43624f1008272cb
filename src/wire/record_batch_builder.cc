// Encoding of records, and sealing of batches.
#include "wire/record_batch_builder.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "wire/varint.h"

namespace chronik::wire {
namespace {

std::size_t nullable_size(const std::optional<ByteSpan>& bytes) {
  return bytes ? varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size() : varint_size(-1);
}

std::byte* put_nullable(std::byte* at, const std::optional<ByteSpan>& bytes) {
  if (!bytes) return put_varint(at, -1);
  at = put_varint(at, static_cast<std::int64_t>(bytes->size()));
  return std::copy(bytes->begin(), bytes->end(), at);
}

}  // namespace

RecordBatchBuilder::RecordBatchBuilder(const BatchOptions& options) : options_(options), bytes_(kBatchHeaderSize) {}

void RecordBatchBuilder::add(UnixMillis timestamp, std::optional<ByteSpan> key, std::optional<ByteSpan> value,
                             std::span<const RecordHeaderView> headers) {
  add_at(last_offset_delta_ + 1, timestamp, key, value, headers);
}

void RecordBatchBuilder::add_at(std::int32_t offset_delta, UnixMillis timestamp, std::optional<ByteSpan> key,
                                std::optional<ByteSpan> value, std::span<const RecordHeaderView> headers) {
  CHECK(offset_delta > last_offset_delta_);
  if (!base_timestamp_) base_timestamp_ = options_.delete_horizon.value_or(timestamp);
  const std::int64_t timestamp_delta = timestamp_difference(timestamp, *base_timestamp_);
  std::size_t length = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) + nullable_size(key) +
                       nullable_size(value) + varint_size(static_cast<std::int64_t>(headers.size()));
  for (const RecordHeaderView& header : headers) {
    length += nullable_size(as_bytes(header.key)) + nullable_size(header.value);
  }
  const std::size_t begin = bytes_.size();
  bytes_.resize(begin + varint_size(static_cast<std::int64_t>(length)) + length);
  std::byte* at = put_varint(bytes_.data() + begin, static_cast<std::int64_t>(length));
  *at++ = std::byte{0};  // attributes
  at = put_varint(at, timestamp_delta);
  at = put_varint(at, offset_delta);
  at = put_nullable(at, key);
  at = put_nullable(at, value);
  at = put_varint(at, static_cast<std::int64_t>(headers.size()));
  for (const RecordHeaderView& header : headers) {
    at = put_nullable(at, as_bytes(header.key));
    at = put_nullable(at, header.value);
  }
  CHECK(at == bytes_.data() + bytes_.size());
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  last_offset_delta_ = offset_delta;
  ++count_;
}

Result<Buffer> RecordBatchBuilder::build() {
  if (last_offset_delta_ < 0 && options_.last_offset_delta_min < 0) {
    return fail(Errc::invalid_argument, "a record batch without records");
  }
  if (options_.codec != Codec::none) {
    TRY(const Buffer records, compress(options_.codec, ByteSpan(bytes_).subspan(kRecordsAt)));
    bytes_.resize(kBatchHeaderSize + records.size());
    std::ranges::copy(records.span(), bytes_.begin() + kRecordsAt);
  }
  if (bytes_.size() > INT32_MAX) return fail(Errc::invalid_argument, "record batch exceeds 2 GiB");
  RecordBatchHeader header;
  header.base_offset = options_.base_offset;
  header.batch_length = static_cast<std::int32_t>(bytes_.size() - kBatchLengthEnd);
  header.leader_epoch = options_.leader_epoch;
  header.attributes = static_cast<std::int16_t>(
      (options_.transactional ? kTransactionalBit : 0) | (options_.control ? kControlBit : 0) |
      (options_.log_append_time ? kLogAppendTimeBit : 0) | (options_.delete_horizon ? kDeleteHorizonBit : 0) |
      static_cast<int>(options_.codec));
  header.last_offset_delta = std::max(last_offset_delta_, options_.last_offset_delta_min);
  header.base_timestamp = base_timestamp_.value_or(UnixMillis(-1));
  header.max_timestamp = options_.log_append_time.value_or(max_timestamp_);
  header.producer_id = options_.producer_id;
  header.producer_epoch = options_.producer_epoch;
  header.base_sequence = options_.base_sequence;
  header.record_count = count_;
  store_batch_header(bytes_, header);
  store_be(bytes_.data() + kCrcAt, compute_batch_crc(bytes_));
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes_));
  const ByteSpan batch(*owner);
  return Buffer(std::move(owner), batch);
}

}  // namespace chronik::wire
