// Zigzag varints of records (base 128, least significant group first; as in Protocol Buffers' sint32 and sint64).
#pragma once

#include <cstddef>
#include <cstdint>

namespace chronik::wire {

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63U);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

constexpr std::size_t varint_size(std::int64_t value) {
  std::size_t size = 1;
  for (std::uint64_t rest = zigzag(value); rest >= 0x80; rest >>= 7U) ++size;
  return size;
}

inline std::byte* put_varint(std::byte* at, std::int64_t value) {
  std::uint64_t rest = zigzag(value);
  for (; rest >= 0x80; rest >>= 7U) *at++ = static_cast<std::byte>((rest & 0x7fU) | 0x80U);
  *at++ = static_cast<std::byte>(rest);
  return at;
}

/// The general case of take_varint; null when truncated or longer than 64 bits.
const std::byte* take_long_varint(const std::byte* at, const std::byte* end, std::int64_t& value);

/// Reads one varint and returns the position after it, or null. Nearly all are one byte long.
inline const std::byte* take_varint(const std::byte* at, const std::byte* end, std::int64_t& value) {
  if (at < end && (*at & std::byte{0x80}) == std::byte{0}) {
    value = unzigzag(std::to_integer<std::uint64_t>(*at));
    return at + 1;
  }
  return take_long_varint(at, end, value);
}

}  // namespace chronik::wire
