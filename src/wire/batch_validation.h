// Checks what a producer sent before it may touch a log. The hot path: one pass for the checksum, one over the records.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "wire/errors.h"
#include "wire/record_batch.h"

namespace chronik::wire {

/// A record for which its batch is refused (KIP-467).
struct RecordFault {
  std::int32_t index = 0;  // in the batch
  std::string why;
};

/// Kafka names every record at fault. A client may send millions of them in few bytes, so here only the first are
/// named.
inline constexpr std::size_t kRecordFaultsMax = 1000;

/// Why a batch is refused, in the words that the producer gets.
struct Rejection {
  ErrorCode code = ErrorCode::unknown_server_error;
  std::string detail;
  /// In order, at most kRecordFaultsMax; none where the batch is wrong as a whole.
  std::vector<RecordFault> records = {};
};

struct ValidatedBatch {
  RecordBatchHeader header;
  /// Extremes of the records' own timestamps (create time), for timestamp bounds and the time index. The least is of
  /// those that have one; kNoTimestamp if none has.
  UnixMillis min_timestamp;
  UnixMillis max_timestamp;
  /// Offset delta of the first record that has max_timestamp.
  std::int32_t max_timestamp_offset_delta = 0;
  /// A compacted topic takes no records without a key.
  bool has_null_key = false;
};

/// Checks exactly one batch from a client: size, format, checksum, attributes, counts, producer fields, and every
/// record's structure, with at most `decompressed_bytes_max` bytes decompressed.
///
/// UNSUPPORTED_FOR_MESSAGE_FORMAT  magic 0 or 1
/// CORRUPT_MESSAGE                 sizes, checksum, compressed data
/// UNSUPPORTED_COMPRESSION_TYPE    a codec that does not exist
/// INVALID_TIMESTAMP               log append time, which is no client's to give: every record's fault
/// INVALID_RECORD                  control batch, counts, record structure, producer fields
/// MESSAGE_TOO_LARGE               decompresses to more than allowed
std::expected<ValidatedBatch, Rejection> validate_produced_batch(ByteSpan batch, std::size_t decompressed_bytes_max);

}  // namespace chronik::wire
