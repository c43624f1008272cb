// Checks what a producer sent before it may touch a log. The hot path: one pass for the checksum, one over the records.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "wire/errors.h"
#include "wire/record_batch.h"

namespace chronik::wire {

/// Why a batch is refused, in the words that the producer gets.
struct Rejection {
  ErrorCode code = ErrorCode::unknown_server_error;
  std::string detail;
};

struct ValidatedBatch {
  RecordBatchHeader header;
  /// Extremes of the records' own timestamps (create time), for timestamp bounds and the time index.
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
/// INVALID_RECORD                  control batch, counts, record structure, producer fields
/// MESSAGE_TOO_LARGE               decompresses to more than allowed
std::expected<ValidatedBatch, Rejection> validate_produced_batch(ByteSpan batch, std::size_t decompressed_bytes_max);

}  // namespace chronik::wire
