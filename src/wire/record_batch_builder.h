// Builds record batches: for internal topics, compaction, recompression, the client room and tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "wire/record_batch.h"
#include "wire/record_reader.h"

namespace chronik::wire {

struct BatchOptions {
  Codec codec = Codec::none;
  Offset base_offset{0};
  LeaderEpoch leader_epoch{-1};
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  std::int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
  /// Set: LogAppendTime, with this as every record's time.
  std::optional<UnixMillis> log_append_time = std::nullopt;
  /// Set by compaction in batches with tombstones (KIP-534): when those may go. Stands in place of the base timestamp.
  std::optional<UnixMillis> delete_horizon = std::nullopt;
  /// Compaction keeps the offsets of removed records covered: the batch reaches at least to here.
  std::int32_t last_offset_delta_min = -1;
};

class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(const BatchOptions& options);

  /// Appends a record at the next offset. nullopt is Kafka's null: as a value, a tombstone.
  void add(UnixMillis timestamp, std::optional<ByteSpan> key, std::optional<ByteSpan> value,
           std::span<const RecordHeaderView> headers = {});
  /// The same at an offset of the caller's choice, which must exceed all before it (compaction leaves gaps).
  void add_at(std::int32_t offset_delta, UnixMillis timestamp, std::optional<ByteSpan> key,
              std::optional<ByteSpan> value, std::span<const RecordHeaderView> headers = {});

  std::int32_t count() const { return count_; }
  /// Bytes of the batch if it were built now without compression.
  std::size_t size() const { return bytes_.size(); }

  /// The finished batch, checksummed. Call once. Errors: invalid_argument (no records, or above 2 GiB), those of
  /// compress.
  Result<Buffer> build();

 private:
  BatchOptions options_;
  std::vector<std::byte> bytes_;  // header room, then records
  std::int32_t count_ = 0;
  std::int32_t last_offset_delta_ = -1;
  std::optional<UnixMillis> base_timestamp_;
  UnixMillis max_timestamp_{-1};
};

}  // namespace chronik::wire
