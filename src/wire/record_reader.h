// Reads the records of one batch, decompressing when it must.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "wire/record_batch.h"

namespace chronik::wire {

struct RecordHeaderView {
  std::string_view key;
  std::optional<ByteSpan> value;
};

/// One record; views into the batch or the reader's decompressed copy of it, valid while both live.
struct RecordView {
  Offset offset;
  std::int32_t offset_delta = 0;
  UnixMillis timestamp;
  std::optional<ByteSpan> key;
  std::optional<ByteSpan> value;
  std::vector<RecordHeaderView> headers;
};

/// Position of one record's parts, without looking into its headers beyond their structure.
struct RecordFrame {
  std::int64_t timestamp_delta = 0;
  std::int64_t offset_delta = 0;
  std::optional<ByteSpan> key;
  std::optional<ByteSpan> value;
  ByteSpan headers;  // encoded, without their count
  std::int32_t header_count = 0;
};

/// Reads the record at the start of `bytes` and checks that its parts fill it exactly. Returns its size in bytes, or 0
/// when its structure does not hold.
std::size_t parse_record(ByteSpan bytes, RecordFrame& frame);

class RecordReader {
 public:
  /// `batch` is exactly one batch and must outlive the reader. Errors: as of parse_batch_header and decompress;
  /// out_of_range when the record count cannot be true. The checksum is the caller's affair.
  static Result<RecordReader> open(ByteSpan batch, std::size_t decompressed_bytes_max);

  const RecordBatchHeader& header() const { return header_; }
  /// The next record into `record`; false after the last one. Errors: corrupt.
  Result<bool> next(RecordView& record);

 private:
  RecordReader(const RecordBatchHeader& header, Buffer decompressed, ByteSpan records)
      : header_(header), decompressed_(std::move(decompressed)), rest_(records) {}

  RecordBatchHeader header_;
  Buffer decompressed_;
  ByteSpan rest_;
  std::int32_t read_ = 0;
};

/// The records section of a batch: a slice of it, or decompressed into `storage`.
Result<ByteSpan> batch_records(ByteSpan batch, const RecordBatchHeader& header, std::size_t decompressed_bytes_max,
                               Buffer& storage);

}  // namespace chronik::wire
