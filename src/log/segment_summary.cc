#include "log/segment_summary.h"

#include "base/crc32c.h"

namespace chronik::log {
namespace {

// Big-endian, as all of this directory is.
constexpr std::uint32_t kMagic = 0x43485353;  // "CHSS"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kBaseAt = 8;
constexpr std::size_t kEndAt = 16;
constexpr std::size_t kBytesAt = 24;
constexpr std::size_t kMaxTimestampAt = 32;
constexpr std::size_t kMaxTimestampOffsetAt = 40;
constexpr std::size_t kOffsetEntriesAt = 48;
constexpr std::size_t kOffsetsCrcAt = 52;
constexpr std::size_t kTimeEntriesAt = 56;
constexpr std::size_t kTimesCrcAt = 60;
constexpr std::size_t kCrcAt = 64;
static_assert(kCrcAt + sizeof(std::uint32_t) == kSummarySize);

}  // namespace

Buffer encode_summary(const SegmentSummary& summary) {
  auto block = Block::allocate(kSummarySize);
  std::byte* const at = block->data();
  store_be(at + kMagicAt, kMagic);
  store_be(at + kVersionAt, kVersion);
  store_be(at + kBaseAt, summary.base.value());
  store_be(at + kEndAt, summary.end.value());
  store_be(at + kBytesAt, summary.bytes);
  store_be(at + kMaxTimestampAt, summary.max_timestamp.value());
  store_be(at + kMaxTimestampOffsetAt, summary.max_timestamp_offset.value());
  store_be(at + kOffsetEntriesAt, summary.offset_entries);
  store_be(at + kOffsetsCrcAt, summary.offsets_crc);
  store_be(at + kTimeEntriesAt, summary.time_entries);
  store_be(at + kTimesCrcAt, summary.times_crc);
  store_be(at + kCrcAt, crc32c(ByteSpan(at, kCrcAt)));
  const ByteSpan bytes(at, kSummarySize);
  return {std::move(block), bytes};
}

Result<SegmentSummary> decode_summary(ByteSpan bytes) {
  if (bytes.size() != kSummarySize) return fail(Errc::corrupt, "segment summary: size");
  const std::byte* const at = bytes.data();
  if (load_be<std::uint32_t>(at + kCrcAt) != crc32c(bytes.first(kCrcAt))) {
    return fail(Errc::corrupt, "segment summary: checksum");
  }
  if (load_be<std::uint32_t>(at + kMagicAt) != kMagic || load_be<std::uint32_t>(at + kVersionAt) != kVersion) {
    return fail(Errc::corrupt, "segment summary: unknown format");
  }
  SegmentSummary summary;
  summary.base = Offset(load_be<std::int64_t>(at + kBaseAt));
  summary.end = Offset(load_be<std::int64_t>(at + kEndAt));
  summary.bytes = load_be<std::uint64_t>(at + kBytesAt);
  summary.max_timestamp = UnixMillis(load_be<std::int64_t>(at + kMaxTimestampAt));
  summary.max_timestamp_offset = Offset(load_be<std::int64_t>(at + kMaxTimestampOffsetAt));
  summary.offset_entries = load_be<std::uint32_t>(at + kOffsetEntriesAt);
  summary.offsets_crc = load_be<std::uint32_t>(at + kOffsetsCrcAt);
  summary.time_entries = load_be<std::uint32_t>(at + kTimeEntriesAt);
  summary.times_crc = load_be<std::uint32_t>(at + kTimesCrcAt);
  return summary;
}

}  // namespace chronik::log
