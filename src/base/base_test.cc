#include <gtest/gtest.h>

#include <type_traits>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/ids.h"
#include "base/prng.h"
#include "base/result.h"

namespace chronik {
namespace {

TEST(Crc32c, matches_the_published_vectors) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xe3069283U);
}

// lesson: "high watermark" getter returned next offset
template <class... Kinds>
constexpr bool none_converts() {
  const auto to_none = []<class From>() {
    return ((std::is_same_v<From, Kinds> || !std::is_convertible_v<From, Kinds>) && ...) &&
           ((std::is_same_v<From, Kinds> || !std::is_assignable_v<Kinds&, From>) && ...) &&
           !std::is_convertible_v<From, std::int64_t> && !std::is_convertible_v<std::int64_t, From>;
  };
  return (to_none.template operator()<Kinds>() && ...);
}

TEST(Offsets, of_different_kinds_do_not_mix) {
  EXPECT_TRUE((none_converts<Offset, LogStartOffset, LogEndOffset, DurableEnd, HighWatermark, LastStableOffset>()));
}

TEST(TopicId, prints_and_parses_as_kafka_does) {
  TopicId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes.at(i) = static_cast<std::uint8_t>(i * 17);
  EXPECT_EQ(id.to_string(), "ABEiM0RVZneImaq7zN3u_w");
  EXPECT_EQ(TopicId::parse(id.to_string()).value(), id);
  EXPECT_FALSE(TopicId::parse("short").has_value());
  EXPECT_FALSE(TopicId::parse("ABEiM0RVZneImaq7zN3u/w").has_value());
}

TEST(Error, unknown_errno_is_never_success_and_full_disk_is_recoverable) {
  EXPECT_EQ(error_from_errno(ENOSPC, "write").code, Errc::disk_full);
  EXPECT_EQ(error_from_errno(EIO, "write").code, Errc::storage_failed);
  EXPECT_EQ(error_from_errno(12345, "write").code, Errc::storage_failed);
  for (const Errc code : kAllErrc) EXPECT_NE(to_string(code), "unknown error");
}

TEST(Bytes, big_endian_round_trip) {
  std::byte place[8];
  store_be<std::int64_t>(place, -2);
  EXPECT_EQ(load_be<std::int64_t>(place), -2);
  EXPECT_EQ(std::to_integer<int>(place[7]), 0xfe);
  store_be<std::int16_t>(place, 0x0102);
  EXPECT_EQ(std::to_integer<int>(place[0]), 1);
}

}  // namespace
}  // namespace chronik
