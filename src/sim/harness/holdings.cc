#include "sim/harness/holdings.h"

#include <algorithm>

namespace chronik::sim {

std::optional<Holdings::Before> Holdings::give(const std::string& group, const PartitionName& partition,
                                               const std::string& member, Instant now, Instant until) {
  if (until <= now) return std::nullopt;
  Holder& holder = holders_[{group, partition}];
  std::optional<Before> before;
  if (!holder.member.empty() && holder.member != member) before = {holder.member, holder.until > now};
  holder = {member, until};
  return before;
}

bool Holdings::holds(const std::string& group, const PartitionName& partition, const std::string& member,
                     Instant now) const {
  const auto at = holders_.find({group, partition});
  return at != holders_.end() && at->second.member == member && at->second.until > now;
}

void Holdings::extend(const std::string& group, const std::string& member, Instant until) {
  for (auto& [name, holder] : holders_) {
    if (name.first == group && holder.member == member && holder.until != Instant{}) {
      holder.until = std::max(holder.until, until);
    }
  }
}

void Holdings::release(const std::string& group, const PartitionName& partition, const std::string& member) {
  const auto at = holders_.find({group, partition});
  if (at != holders_.end() && at->second.member == member) at->second.until = {};
}

void Holdings::release_all(const std::string& group, const std::string& member) {
  for (auto& [name, holder] : holders_) {
    if (name.first == group && holder.member == member) holder.until = {};
  }
}

}  // namespace chronik::sim
