#include "meta/topic_name.h"

#include <algorithm>

#include "base/bytes.h"

namespace chronik::meta {

namespace {
bool legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}
}  // namespace

std::optional<std::string> topic_name_problem(std::string_view name) {
  if (name.empty()) return "A topic name must not be empty.";
  if (name == "." || name == "..") return "A topic name must not be '.' or '..'.";
  if (name.size() > kTopicNameLengthMax) {
    return "A topic name must not be longer than " + std::to_string(kTopicNameLengthMax) +
           " characters; this one has " + std::to_string(name.size()) + ".";
  }
  if (!std::ranges::all_of(name, legal)) {
    return "A topic name consists of ASCII letters, digits, '.', '_' and '-' only.";
  }
  return std::nullopt;
}

std::string collision_key(std::string_view name) {
  std::string key(name);
  std::ranges::replace(key, '.', '_');
  return key;
}

bool is_internal_topic(std::string_view name) {
  return name == kOffsetsTopic || name == kTransactionTopic;
}

TopicId random_topic_id(env::Entropy& entropy) {
  constexpr std::uint8_t kDashDigit = 62;  // '-' in URL-safe base64
  for (;;) {
    TopicId id;
    store_be(reinterpret_cast<std::byte*>(id.bytes.data()), entropy.next());
    store_be(reinterpret_cast<std::byte*>(id.bytes.data() + 8), entropy.next());
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0fU) | 0x40U);  // RFC 9562: version 4
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3fU) | 0x80U);  // and its variant
    // Command-line tools take a leading '-' for an option. The reserved ids (zero, one) have no version bits.
    if (id.bytes[0] >> 2 != kDashDigit) return id;
  }
}

}  // namespace chronik::meta
