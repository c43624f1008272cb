#include "base/ids.h"

namespace chronik {

namespace {
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kTextLength = 22;  // 128 bits at 6 bits a character
}  // namespace

std::string TopicId::to_string() const {
  std::string text;
  text.reserve(kTextLength);
  unsigned pending = 0;
  unsigned bits = 0;
  for (const std::uint8_t byte : bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text.push_back(kAlphabet[(pending >> bits) & 63U]);
    }
  }
  text.push_back(kAlphabet[(pending << (6 - bits)) & 63U]);
  return text;
}

Result<TopicId> TopicId::parse(std::string_view text) {
  if (text.size() != kTextLength) return fail(Errc::invalid_argument, "topic id must have 22 characters");
  TopicId id;
  unsigned pending = 0;
  unsigned bits = 0;
  std::size_t out = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return fail(Errc::invalid_argument, "topic id is not URL-safe base64");
    pending = (pending << 6) | static_cast<unsigned>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      id.bytes.at(out++) = static_cast<std::uint8_t>((pending >> bits) & 255U);
    }
  }
  return id;
}

}  // namespace chronik
