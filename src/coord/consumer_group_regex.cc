// Subscriptions by regular expression: when to look which topics they match, and what that changes. The looking itself
// is the coordinator's, a piece at a time (core_consumer.cc).
#include <algorithm>

#include "coord/consumer_group.h"

namespace chronik::coord {

namespace {
constexpr std::int64_t kPauseMs = 10'000;  // between two looks, so that many changes make one rebalance
}

std::vector<std::string> ConsumerGroup::to_resolve(const Topics& topics, Clock at) const {
  std::set<std::string> wanted;
  for (const auto& [id, member] : members_) {
    if (!member.regex.empty()) wanted.insert(member.regex);
  }
  if (wanted.empty()) return {};
  std::int64_t last = INT64_MIN;
  std::int64_t version = INT64_MAX;
  for (const auto& [regex, found] : regexes_) {
    last = std::max(last, found.at.value());
    version = std::min(version, found.version);
  }
  if (!regexes_.empty() && at.wall.value() <= last + kPauseMs) return {};
  const bool is_old = regexes_.empty() || at.wall.value() > last + config_->consumer_regex_refresh_ms;
  if (wanted.size() == regexes_.size() && version >= topics.version() && !is_old) return {};
  return {wanted.begin(), wanted.end()};
}

void ConsumerGroup::resolved(const Resolved& topics_by_regex, std::int64_t version, const Topics& topics, Clock at) {
  bool bump = false;
  for (const auto& [regex, names] : topics_by_regex) {
    if (!is_used(regex)) continue;
    const auto known = regexes_.find(regex);
    bump |= known == regexes_.end() ? !names.empty() : known->second.topics != names;
    set_regex(regex, {names, version, at.wall});
    dirty_.regexes.insert(regex);
  }
  update_metadata(bump, topics);
}

}  // namespace chronik::coord
