// The record format: length, attributes, timestamp delta, offset delta, key, value, headers; all integers varints.
#include "wire/record_reader.h"

#include <string>

#include "wire/varint.h"

namespace chronik::wire {
namespace {

/// length, attributes, two deltas, key length, value length, header count: one byte each.
constexpr std::size_t kRecordSizeMin = 7;

/// A nullable byte string; null result when it does not fit.
const std::byte* take_bytes(const std::byte* at, const std::byte* end, std::optional<ByteSpan>& bytes) {
  std::int64_t length = 0;
  at = take_varint(at, end, length);
  if (at == nullptr || length < -1 || length > end - at) return nullptr;
  if (length < 0) {
    bytes.reset();
    return at;
  }
  bytes = ByteSpan(at, static_cast<std::size_t>(length));
  return at + length;
}

const std::byte* take_header(const std::byte* at, const std::byte* end, RecordHeaderView& header) {
  std::optional<ByteSpan> key;
  at = take_bytes(at, end, key);
  if (at == nullptr || !key) return nullptr;
  header.key = as_text(*key);
  return take_bytes(at, end, header.value);
}

}  // namespace

const std::byte* take_long_varint(const std::byte* at, const std::byte* end, std::int64_t& value) {
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 70 && at < end; shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(*at++);
    if (shift == 63 && byte > 1) return nullptr;  // more than 64 bits
    bits |= (byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) {
      value = unzigzag(bits);
      return at;
    }
  }
  return nullptr;
}

std::size_t parse_record(ByteSpan bytes, RecordFrame& frame) {
  std::int64_t length = 0;
  const std::byte* at = take_varint(bytes.data(), bytes.data() + bytes.size(), length);
  if (at == nullptr || length < 1 || length > bytes.data() + bytes.size() - at) return 0;
  const std::byte* end = at + length;
  ++at;  // attributes: no bit is defined
  at = take_varint(at, end, frame.timestamp_delta);
  if (at == nullptr) return 0;
  at = take_varint(at, end, frame.offset_delta);
  if (at == nullptr) return 0;
  at = take_bytes(at, end, frame.key);
  if (at == nullptr) return 0;
  at = take_bytes(at, end, frame.value);
  if (at == nullptr) return 0;
  std::int64_t headers = 0;
  at = take_varint(at, end, headers);
  if (at == nullptr || headers < 0 || headers > end - at) return 0;
  frame.headers = ByteSpan(at, end);
  frame.header_count = static_cast<std::int32_t>(headers);
  RecordHeaderView header;
  for (; headers > 0; --headers) {
    at = take_header(at, end, header);
    if (at == nullptr) return 0;
  }
  return at == end ? static_cast<std::size_t>(end - bytes.data()) : 0;
}

Result<ByteSpan> batch_records(ByteSpan batch, const RecordBatchHeader& header, std::size_t decompressed_bytes_max,
                               Buffer& storage) {
  ByteSpan records = batch.subspan(kRecordsAt);
  if (header.codec() != Codec::none) {
    TRY(storage, decompress(header.codec(), records, decompressed_bytes_max));
    records = storage.span();
  }
  if (header.record_count < 0 || static_cast<std::size_t>(header.record_count) > records.size() / kRecordSizeMin) {
    return fail(Errc::out_of_range, "record batch: " + std::to_string(header.record_count) + " records announced in " +
                                        std::to_string(records.size()) + " bytes");
  }
  return records;
}

Result<RecordReader> RecordReader::open(ByteSpan batch, std::size_t decompressed_bytes_max) {
  TRY(auto header, parse_batch_header(batch));
  if (header.size() != batch.size()) return fail(Errc::corrupt, "record batch: bytes after its end");
  Buffer storage;
  TRY(auto records, batch_records(batch, header, decompressed_bytes_max, storage));
  return RecordReader(header, std::move(storage), records);
}

Result<bool> RecordReader::next(RecordView& record) {
  if (read_ == header_.record_count) {
    if (!rest_.empty()) return fail(Errc::corrupt, "record batch: bytes after its last record");
    return false;
  }
  RecordFrame frame;
  const std::size_t size = parse_record(rest_, frame);
  if (size == 0 || frame.offset_delta < 0 || frame.offset_delta > header_.last_offset_delta) {
    return fail(Errc::corrupt, "record " + std::to_string(read_) + " of the batch is damaged");
  }
  record.offset_delta = static_cast<std::int32_t>(frame.offset_delta);
  record.offset = header_.base_offset.plus(frame.offset_delta);
  record.timestamp = header_.is_log_append_time() ? header_.max_timestamp
                                                  : add_timestamp_delta(header_.base_timestamp, frame.timestamp_delta);
  record.key = frame.key;
  record.value = frame.value;
  record.headers.resize(static_cast<std::size_t>(frame.header_count));
  const std::byte* at = frame.headers.data();
  for (RecordHeaderView& header : record.headers) at = take_header(at, at + frame.headers.size(), header);
  rest_ = rest_.subspan(size);
  ++read_;
  return true;
}

}  // namespace chronik::wire
