// Header access and stamping of record batches.
#include "wire/record_batch.h"

#include <string>

#include "base/check.h"
#include "base/crc32c.h"

namespace chronik::wire {
namespace {

void refresh_crc(MutableByteSpan batch) {
  store_be(batch.data() + kCrcAt, compute_batch_crc(batch));
}

}  // namespace

std::int32_t advance_sequence(std::int32_t sequence, std::int32_t n) {
  return static_cast<std::int32_t>((std::int64_t{sequence} + n) & INT32_MAX);
}

std::int32_t RecordBatchHeader::last_sequence() const {
  return base_sequence == kNoSequence ? kNoSequence : advance_sequence(base_sequence, last_offset_delta);
}

Result<RecordBatchHeader> parse_batch_header(ByteSpan bytes) {
  // The magic lies at the same place in every format, so it is judged before sizes that depend on it.
  if (bytes.size() <= kMagicAt) return fail(Errc::out_of_range, "record batch: header is cut off");
  const std::byte* at = bytes.data();
  const auto magic = std::to_integer<int>(at[kMagicAt]);
  if (magic < kMagicV2) return fail(Errc::unsupported, "message format " + std::to_string(magic) + ", not 2");
  if (magic > kMagicV2) return fail(Errc::corrupt, "record batch: magic is " + std::to_string(magic));
  RecordBatchHeader header;
  header.batch_length = load_be<std::int32_t>(at + kBatchLengthAt);
  if (header.batch_length < static_cast<std::int32_t>(kBatchHeaderSize - kBatchLengthEnd)) {
    return fail(Errc::corrupt, "record batch: length " + std::to_string(header.batch_length) + " is below its header");
  }
  if (header.size() > bytes.size()) {
    return fail(Errc::out_of_range, "record batch: " + std::to_string(header.size()) + " bytes announced, " +
                                        std::to_string(bytes.size()) + " there");
  }
  header.base_offset = Offset(load_be<std::int64_t>(at + kBaseOffsetAt));
  header.leader_epoch = LeaderEpoch(load_be<std::int32_t>(at + kLeaderEpochAt));
  header.crc = load_be<std::uint32_t>(at + kCrcAt);
  header.attributes = load_be<std::int16_t>(at + kAttributesAt);
  header.last_offset_delta = load_be<std::int32_t>(at + kLastOffsetDeltaAt);
  header.base_timestamp = UnixMillis(load_be<std::int64_t>(at + kBaseTimestampAt));
  header.max_timestamp = UnixMillis(load_be<std::int64_t>(at + kMaxTimestampAt));
  // Far from the ends of int64, so that offset arithmetic on a parsed batch cannot overflow.
  constexpr std::int64_t kBaseOffsetMax = INT64_MAX - (std::int64_t{1} << 33);
  if (header.base_offset.value() < -1 || header.base_offset.value() > kBaseOffsetMax || header.last_offset_delta < 0) {
    return fail(Errc::corrupt, "record batch: impossible offsets");
  }
  header.producer_id = ProducerId(load_be<std::int64_t>(at + kProducerIdAt));
  header.producer_epoch = ProducerEpoch(load_be<std::int16_t>(at + kProducerEpochAt));
  header.base_sequence = load_be<std::int32_t>(at + kBaseSequenceAt);
  header.record_count = load_be<std::int32_t>(at + kRecordCountAt);
  return header;
}

void store_batch_header(MutableByteSpan bytes, const RecordBatchHeader& header) {
  CHECK(bytes.size() >= kBatchHeaderSize);
  std::byte* at = bytes.data();
  store_be(at + kBaseOffsetAt, header.base_offset.value());
  store_be(at + kBatchLengthAt, header.batch_length);
  store_be(at + kLeaderEpochAt, header.leader_epoch.value());
  at[kMagicAt] = static_cast<std::byte>(kMagicV2);
  store_be(at + kCrcAt, header.crc);
  store_be(at + kAttributesAt, header.attributes);
  store_be(at + kLastOffsetDeltaAt, header.last_offset_delta);
  store_be(at + kBaseTimestampAt, header.base_timestamp.value());
  store_be(at + kMaxTimestampAt, header.max_timestamp.value());
  store_be(at + kProducerIdAt, header.producer_id.value());
  store_be(at + kProducerEpochAt, header.producer_epoch.value());
  store_be(at + kBaseSequenceAt, header.base_sequence);
  store_be(at + kRecordCountAt, header.record_count);
}

std::uint32_t compute_batch_crc(ByteSpan batch) {
  return crc32c(batch.subspan(kAttributesAt));
}

bool batch_crc_holds(ByteSpan batch) {
  return batch.size() >= kBatchHeaderSize && load_be<std::uint32_t>(batch.data() + kCrcAt) == compute_batch_crc(batch);
}

void stamp_batch(MutableByteSpan batch, Offset base_offset, LeaderEpoch leader_epoch) {
  CHECK(batch.size() >= kBatchHeaderSize);
  store_be(batch.data() + kBaseOffsetAt, base_offset.value());
  store_be(batch.data() + kLeaderEpochAt, leader_epoch.value());
}

void stamp_log_append_time(MutableByteSpan batch, UnixMillis now) {
  CHECK(batch.size() >= kBatchHeaderSize);
  const auto attributes = load_be<std::int16_t>(batch.data() + kAttributesAt);
  store_be(batch.data() + kAttributesAt, static_cast<std::int16_t>(attributes | kLogAppendTimeBit));
  stamp_max_timestamp(batch, now);
}

void stamp_max_timestamp(MutableByteSpan batch, UnixMillis max_timestamp) {
  CHECK(batch.size() >= kBatchHeaderSize);
  store_be(batch.data() + kMaxTimestampAt, max_timestamp.value());
  refresh_crc(batch);
}

Result<std::optional<BatchView>> BatchSplitter::next() {
  if (position_ == run_.size()) return std::nullopt;
  const ByteSpan rest = run_.subspan(position_);
  TRY(auto header, parse_batch_header(rest));
  BatchView view{header, rest.first(header.size()), position_};
  position_ += header.size();
  return view;
}

}  // namespace chronik::wire
