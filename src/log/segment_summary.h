// <base>.summary: what a closed segment was when it was closed, checksummed. Our addition to Kafka's layout: it spares
// recovery from opening old segments, and an index is believed only if it matches the checksum here. Without it the
// segment is scanned once, on first use.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace chronik::log {

struct SegmentSummary {
  Offset base;
  Offset end;
  std::uint64_t bytes = 0;  // of the .log file
  UnixMillis max_timestamp{-1};
  Offset max_timestamp_offset;  // last offset of the batch that first had it
  std::uint32_t offset_entries = 0;
  std::uint32_t offsets_crc = 0;  // CRC-32C of the .index file
  std::uint32_t time_entries = 0;
  std::uint32_t times_crc = 0;  // CRC-32C of the .timeindex file

  bool operator==(const SegmentSummary&) const = default;
};
inline constexpr std::size_t kSummarySize = 68;

Buffer encode_summary(const SegmentSummary& summary);
/// corrupt if any byte is wrong.
Result<SegmentSummary> decode_summary(ByteSpan bytes);

}  // namespace chronik::log
