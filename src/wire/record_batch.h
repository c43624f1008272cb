// Record batches of format v2 ("magic 2", KIP-98): the header, stamping, and splitting a run of batches. Batches stay
// as the client sent them; only the base offset and leader epoch, which lie outside the checksum, are written in place.
// Reading records: record_reader.h. Building batches: record_batch_builder.h. Checking produced ones:
// batch_validation.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "wire/compression.h"

namespace chronik::wire {

// Byte positions in a batch; all integers big-endian.
inline constexpr std::size_t kBaseOffsetAt = 0;        // int64
inline constexpr std::size_t kBatchLengthAt = 8;       // int32: bytes after this field
inline constexpr std::size_t kLeaderEpochAt = 12;      // int32
inline constexpr std::size_t kMagicAt = 16;            // int8
inline constexpr std::size_t kCrcAt = 17;              // uint32: CRC-32C of everything after it
inline constexpr std::size_t kAttributesAt = 21;       // int16
inline constexpr std::size_t kLastOffsetDeltaAt = 23;  // int32
inline constexpr std::size_t kBaseTimestampAt = 27;    // int64
inline constexpr std::size_t kMaxTimestampAt = 35;     // int64
inline constexpr std::size_t kProducerIdAt = 43;       // int64
inline constexpr std::size_t kProducerEpochAt = 51;    // int16
inline constexpr std::size_t kBaseSequenceAt = 53;     // int32
inline constexpr std::size_t kRecordCountAt = 57;      // int32
inline constexpr std::size_t kRecordsAt = 61;          // records, compressed as one when a codec is set
inline constexpr std::size_t kBatchHeaderSize = kRecordsAt;
inline constexpr std::size_t kBatchLengthEnd = kBatchLengthAt + 4;
static_assert(kRecordsAt == kRecordCountAt + sizeof(std::int32_t));

inline constexpr std::int8_t kMagicV2 = 2;

// Attribute bits.
inline constexpr std::int16_t kCodecMask = 0x07;
inline constexpr std::int16_t kLogAppendTimeBit = 0x08;
inline constexpr std::int16_t kTransactionalBit = 0x10;
inline constexpr std::int16_t kControlBit = 0x20;
inline constexpr std::int16_t kDeleteHorizonBit = 0x40;
inline constexpr std::int16_t kKnownAttributes =
    kCodecMask | kLogAppendTimeBit | kTransactionalBit | kControlBit | kDeleteHorizonBit;

inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};
inline constexpr std::int32_t kNoSequence = -1;
inline constexpr UnixMillis kNoTimestamp{-1};  // of a record

struct RecordBatchHeader {
  Offset base_offset;
  std::int32_t batch_length = 0;
  LeaderEpoch leader_epoch{-1};
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  UnixMillis base_timestamp;
  UnixMillis max_timestamp;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  std::int32_t base_sequence = kNoSequence;
  std::int32_t record_count = 0;

  /// Bytes of the whole batch.
  std::size_t size() const { return kBatchLengthEnd + static_cast<std::size_t>(batch_length); }
  Offset last_offset() const { return base_offset.plus(last_offset_delta); }
  Offset next_offset() const { return base_offset.plus(std::int64_t{last_offset_delta} + 1); }
  /// Sequence of the last record; sequences wrap from INT32_MAX to 0.
  std::int32_t last_sequence() const;
  Codec codec() const { return static_cast<Codec>(attributes & kCodecMask); }
  bool has_known_codec() const { return (attributes & kCodecMask) <= static_cast<int>(Codec::zstd); }
  bool is_log_append_time() const { return (attributes & kLogAppendTimeBit) != 0; }
  bool is_transactional() const { return (attributes & kTransactionalBit) != 0; }
  bool is_control() const { return (attributes & kControlBit) != 0; }
  /// When the tombstones of a compacted batch may go, once that is decided (KIP-534).
  std::optional<UnixMillis> delete_horizon() const {
    return (attributes & kDeleteHorizonBit) != 0 ? std::optional(base_timestamp) : std::nullopt;
  }
  bool has_producer() const { return producer_id != kNoProducerId; }
};

/// Timestamp arithmetic on what clients claim: wraps instead of overflowing.
constexpr UnixMillis add_timestamp_delta(UnixMillis base, std::int64_t delta) {
  return UnixMillis(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(base.value()) + static_cast<std::uint64_t>(delta)));
}
constexpr std::int64_t timestamp_difference(UnixMillis to, UnixMillis from) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(to.value()) - static_cast<std::uint64_t>(from.value()));
}

/// The sequence `n` after `sequence`, wrapping as producers do.
std::int32_t advance_sequence(std::int32_t sequence, std::int32_t n);

/// Header of the batch at the start of `bytes`, which must hold all of it. The checksum is not looked at.
/// Errors: out_of_range (the batch is longer than `bytes`), unsupported (magic 0 or 1), corrupt.
Result<RecordBatchHeader> parse_batch_header(ByteSpan bytes);

/// Writes `header` (every field, crc included) into the first kBatchHeaderSize bytes.
void store_batch_header(MutableByteSpan bytes, const RecordBatchHeader& header);

/// CRC-32C over the bytes of one batch that its checksum covers.
std::uint32_t compute_batch_crc(ByteSpan batch);
/// Whether the stored checksum holds. `batch` is exactly one batch.
bool batch_crc_holds(ByteSpan batch);

/// The two fields that a leader assigns. No checksum covers them.
void stamp_batch(MutableByteSpan batch, Offset base_offset, LeaderEpoch leader_epoch);

/// message.timestamp.type=LogAppendTime: every record takes `now`. Recomputes the checksum.
void stamp_log_append_time(MutableByteSpan batch, UnixMillis now);

/// Replaces a wrong maximum timestamp (some clients leave it out). Recomputes the checksum.
void stamp_max_timestamp(MutableByteSpan batch, UnixMillis max_timestamp);

struct BatchView {
  RecordBatchHeader header;
  ByteSpan bytes;            // exactly this batch
  std::size_t position = 0;  // of its first byte in what was split
};

/// Walks a run of batches: produce payloads, WAL frames, segment reads, fetch responses.
class BatchSplitter {
 public:
  explicit BatchSplitter(ByteSpan run) : run_(run) {}

  /// The next batch, or nothing at the end of the run. Errors as of parse_batch_header: out_of_range is the partial
  /// batch that may end a fetch response or a segment read. After an error the splitter stays where it is.
  Result<std::optional<BatchView>> next();
  std::size_t position() const { return position_; }

 private:
  ByteSpan run_;
  std::size_t position_ = 0;
};

}  // namespace chronik::wire
