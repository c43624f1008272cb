#include "coord/subscription.h"

namespace chronik::coord {

bool add_subscribed_topics(ByteSpan metadata, std::set<std::string, std::less<>>& topics) {
  constexpr std::size_t kHead = sizeof(std::int16_t) + sizeof(std::int32_t);  // version, count of topics
  if (metadata.size() < kHead || load_be<std::int16_t>(metadata.data()) < 0) return false;
  const auto count = load_be<std::int32_t>(metadata.data() + sizeof(std::int16_t));
  if (count < 0) return false;
  ByteSpan rest = metadata.subspan(kHead);
  for (std::int32_t i = 0; i < count; ++i) {
    if (rest.size() < sizeof(std::int16_t)) return false;
    const auto length = load_be<std::int16_t>(rest.data());
    rest = rest.subspan(sizeof(std::int16_t));
    if (length < 0 || rest.size() < static_cast<std::size_t>(length)) return false;
    topics.emplace(as_text(rest.first(static_cast<std::size_t>(length))));
    rest = rest.subspan(static_cast<std::size_t>(length));
  }
  return true;
}

}  // namespace chronik::coord
