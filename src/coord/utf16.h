// UTF-8 text as Java sees it: a sequence of UTF-16 code units. Kafka's hashes and length limits count in these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace chronik::coord {

/// Calls f(std::uint16_t) for each code unit. What is not UTF-8 gives U+FFFD, a byte at a time.
template <class F>
void for_each_utf16(std::string_view text, F&& f) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])); };
    const std::uint32_t first = byte(i);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    std::uint32_t point = length == 1 ? first : first & (0x7FU >> length);
    bool valid = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; valid && k < length; ++k) {
      valid = (byte(i + k) & 0xC0U) == 0x80U;
      point = point << 6U | (byte(i + k) & 0x3FU);
    }
    if (valid && length == 3) valid = point >= 0x800 && (point < 0xD800 || point > 0xDFFF);
    if (valid && length == 4) valid = point >= 0x10000 && point <= 0x10FFFF;
    if (!valid) {
      f(std::uint16_t{0xFFFD});
      ++i;
      continue;
    }
    if (point >= 0x10000) {
      f(static_cast<std::uint16_t>(0xD800 + ((point - 0x10000) >> 10U)));
      f(static_cast<std::uint16_t>(0xDC00 + ((point - 0x10000) & 0x3FFU)));
    } else {
      f(static_cast<std::uint16_t>(point));
    }
    i += length;
  }
}

/// Java's String.length.
inline std::size_t utf16_length(std::string_view text) {
  std::size_t units = 0;
  for_each_utf16(text, [&](std::uint16_t) { ++units; });
  return units;
}

}  // namespace chronik::coord
