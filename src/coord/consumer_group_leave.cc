// Members leave: by themselves, by an administrator's wish, or because their time is over.
#include <algorithm>

#include "coord/consumer_group.h"

namespace chronik::coord {

ConsumerGroup::Response ConsumerGroup::leave(const Request& request, const Topics& topics) {
  const auto known = request.instance_id ? static_members_.find(*request.instance_id) : static_members_.end();
  const std::string id = known == static_members_.end() ? request.member_id : known->second;
  if (request.member_epoch == kStaticLeaveEpoch) {
    // Its partitions stay its own until it is back, or its session ends.
    ConsumerMember& member = *find(id);
    disclaim(member);
    member.epoch = kStaticLeaveEpoch;
    member.revoking.clear();
    member.revocation_ends.reset();
    claim(member);
    dirty_.currents.insert(id);
    recount(member);
  } else {
    drop(id, topics);
  }
  recompute_earliest();
  Response response;
  response.member_id = request.member_id;
  response.member_epoch = request.member_epoch;
  return response;
}

ErrorCode ConsumerGroup::remove(std::string_view member, const std::optional<std::string>& instance,
                                const Topics& topics) {
  std::string id(member);
  if (instance) {
    const auto known = static_members_.find(*instance);
    if (known == static_members_.end()) return ErrorCode::unknown_member_id;
    if (!member.empty() && known->second != member) return ErrorCode::fenced_instance_id;
    id = known->second;
  }
  const ConsumerMember* const leaver = find(id);
  // Members of the new protocol leave by themselves.
  if (leaver == nullptr || !leaver->classic) return ErrorCode::unknown_member_id;
  drop(id, topics);
  recompute_earliest();
  return ErrorCode::none;
}

bool ConsumerGroup::is_due(Instant now) const {
  if (!earliest_ || *earliest_ > now) return false;
  return std::ranges::any_of(members_, [&](const auto& entry) {
    const auto end = entry.second.earliest_end();
    return end && *end <= now;
  });
}

void ConsumerGroup::expire(const Topics& topics, Clock at) {
  std::vector<std::string> due;
  for (const auto& [id, member] : members_) {
    const auto end = member.earliest_end();
    if (end && *end <= at.now) due.push_back(id);
  }
  for (const std::string& id : due) drop(id, topics);
  recompute_earliest();
}

}  // namespace chronik::coord
