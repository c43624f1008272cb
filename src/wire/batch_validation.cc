// Validation of produced batches, in the order in which a lie would hurt: header, checksum, attributes, records.
#include "wire/batch_validation.h"

#include <algorithm>
#include <utility>

#include "wire/record_reader.h"

namespace chronik::wire {
namespace {

std::unexpected<Rejection> reject(ErrorCode code, std::string detail) {
  return std::unexpected(Rejection{code, std::move(detail)});
}

std::unexpected<Rejection> reject_header(const Error& error) {
  // CORRUPT_MESSAGE makes a client send the same bytes again, so it is kept for what the way here may have damaged.
  switch (error.code) {
    case Errc::unsupported:
      return reject(ErrorCode::unsupported_for_message_format, error.detail);
    case Errc::out_of_range:
      return reject(ErrorCode::invalid_record, error.detail);
    default:
      return reject(ErrorCode::corrupt_message, error.detail);
  }
}

std::unexpected<Rejection> reject_records(const Error& error) {
  switch (error.code) {
    case Errc::invalid_argument:
      return reject(ErrorCode::message_too_large, error.detail);
    case Errc::corrupt:
      return reject(ErrorCode::corrupt_message, error.detail);
    case Errc::out_of_range:
      return reject(ErrorCode::invalid_record, error.detail);
    default:
      return reject(ErrorCode::unknown_server_error, error.detail);
  }
}

/// A client's claims about the batch; what only the records can tell is checked later.
std::expected<void, Rejection> check_header(const RecordBatchHeader& header) {
  if (!header.has_known_codec()) {
    return reject(ErrorCode::unsupported_compression_type, "unknown compression codec");
  }
  if (header.is_control()) return reject(ErrorCode::invalid_record, "control batches are written by brokers only");
  if ((header.attributes & kDeleteHorizonBit) != 0) {
    return reject(ErrorCode::invalid_record, "a delete horizon is set by brokers only");
  }
  if (header.record_count <= 0 || std::int64_t{header.record_count} != std::int64_t{header.last_offset_delta} + 1) {
    return reject(ErrorCode::invalid_record, "record count " + std::to_string(header.record_count) +
                                                 " does not fit last offset delta " +
                                                 std::to_string(header.last_offset_delta));
  }
  if (header.has_producer()) {
    if (header.producer_id.value() < 0 || header.producer_epoch.value() < 0 || header.base_sequence < 0) {
      return reject(ErrorCode::invalid_record, "idempotent batch with a negative id, epoch or sequence");
    }
  } else if (header.is_transactional()) {
    return reject(ErrorCode::invalid_record, "transactional batch without a producer id");
  }
  return {};
}

Rejection reject_append_time(std::int32_t record_count) {
  static constexpr const char* kWhy = "log append time is set by brokers only";
  Rejection rejection{ErrorCode::invalid_timestamp, kWhy};
  const auto named = std::min(static_cast<std::size_t>(record_count), kRecordFaultsMax);
  for (std::size_t i = 0; i < named; ++i) rejection.records.push_back({static_cast<std::int32_t>(i), kWhy});
  return rejection;
}

}  // namespace

std::expected<ValidatedBatch, Rejection> validate_produced_batch(ByteSpan batch, std::size_t decompressed_bytes_max) {
  const auto header = parse_batch_header(batch);
  if (!header) return reject_header(header.error());
  if (header->size() != batch.size()) return reject(ErrorCode::invalid_record, "bytes after the record batch");
  if (!batch_crc_holds(batch)) return reject(ErrorCode::corrupt_message, "record batch checksum does not hold");
  if (auto claims = check_header(*header); !claims) return std::unexpected(std::move(claims).error());

  Buffer storage;
  const auto records = batch_records(batch, *header, decompressed_bytes_max, storage);
  if (!records) return reject_records(records.error());
  ValidatedBatch valid{*header, UnixMillis(INT64_MAX), UnixMillis(INT64_MIN), 0, false};
  ByteSpan rest = *records;
  RecordFrame frame;
  for (std::int32_t i = 0; i < header->record_count; ++i) {
    const std::size_t size = parse_record(rest, frame);
    if (size == 0 || frame.offset_delta != i) {
      return reject(ErrorCode::invalid_record, "record " + std::to_string(i) + " of the batch is damaged");
    }
    rest = rest.subspan(size);
    valid.has_null_key = valid.has_null_key || !frame.key;
    const UnixMillis timestamp = add_timestamp_delta(header->base_timestamp, frame.timestamp_delta);
    if (timestamp < valid.min_timestamp && timestamp != kNoTimestamp) valid.min_timestamp = timestamp;
    if (timestamp > valid.max_timestamp) {
      valid.max_timestamp = timestamp;
      valid.max_timestamp_offset_delta = i;
    }
  }
  if (!rest.empty()) return reject(ErrorCode::invalid_record, "bytes after the last record of the batch");
  if (header->is_log_append_time()) return std::unexpected(reject_append_time(header->record_count));
  valid.min_timestamp = std::min(valid.min_timestamp, valid.max_timestamp);  // none has a timestamp
  return valid;
}

}  // namespace chronik::wire
