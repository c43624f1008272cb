// What the parts of a consumer group share: its members, who owns what, deadlines; and the rules for offsets.
#include "coord/consumer_group.h"

#include <algorithm>

#include "base/check.h"

namespace chronik::coord {

std::string_view to_string(ConsumerGroupState state) {
  switch (state) {
    case ConsumerGroupState::empty:
      return "Empty";
    case ConsumerGroupState::assigning:
      return "Assigning";
    case ConsumerGroupState::reconciling:
      return "Reconciling";
    case ConsumerGroupState::stable:
      return "Stable";
  }
  return "Unknown";
}

ConsumerGroup::ConsumerGroup(std::string id, const GroupConfig& config)
    : id_(std::move(id)), config_(&config), footprint_(sizeof(ConsumerGroup) + 2 * id_.size()) {}

ConsumerGroupState ConsumerGroup::state() const {
  if (members_.empty()) return ConsumerGroupState::empty;
  if (epoch_ > assignment_epoch_) return ConsumerGroupState::assigning;
  const bool reconciled = std::ranges::all_of(
      members_, [&](const auto& entry) { return entry.second.is_reconciled_to(assignment_epoch_); });
  return reconciled ? ConsumerGroupState::stable : ConsumerGroupState::reconciling;
}

ConsumerMember* ConsumerGroup::find(std::string_view member) {
  const auto at = members_.find(member);
  return at == members_.end() ? nullptr : &at->second;
}

const ConsumerMember* ConsumerGroup::find(std::string_view member) const {
  const auto at = members_.find(member);
  return at == members_.end() ? nullptr : &at->second;
}

const ConsumerMember* ConsumerGroup::owner_of(TopicId topic, PartitionIndex partition) const {
  const auto partitions = owners_.find(topic);
  if (partitions == owners_.end()) return nullptr;
  const auto owner = partitions->second.find(partition);
  return owner == partitions->second.end() ? nullptr : find(owner->second);
}

void ConsumerGroup::claim(const ConsumerMember& member) {
  for (const GivenPartitions* given : {&member.assigned, &member.revoking}) {
    for (const auto& [topic, partitions] : *given) {
      for (const auto& [partition, epoch] : partitions) owners_[topic][partition] = member.id;
    }
  }
}

void ConsumerGroup::disclaim(const ConsumerMember& member) {
  for (const GivenPartitions* given : {&member.assigned, &member.revoking}) {
    for (const auto& [topic, partitions] : *given) {
      const auto owned = owners_.find(topic);
      if (owned == owners_.end()) continue;
      for (const auto& [partition, epoch] : partitions) {
        const auto owner = owned->second.find(partition);
        if (owner != owned->second.end() && owner->second == member.id) owned->second.erase(owner);
      }
      if (owned->second.empty()) owners_.erase(owned);
    }
  }
}

/// A member is gone, and what it had is free. The next heartbeat of anyone works out who gets it.
void ConsumerGroup::drop(const std::string& id, const Topics& topics) {
  const auto at = members_.find(id);
  CHECK(at != members_.end());
  ConsumerMember& member = at->second;
  disclaim(member);
  forget_instance(member);
  const std::string regex = member.regex;
  footprint_ -= member.counted;
  members_.erase(at);
  dirty_.metadata.insert(id);
  dirty_.targets.insert(id);
  dirty_.currents.insert(id);
  forget_regex(regex);
  update_metadata(true, topics);
}

void ConsumerGroup::forget_instance(const ConsumerMember& member) {
  if (!member.instance_id) return;
  const auto known = static_members_.find(*member.instance_id);
  if (known != static_members_.end() && known->second == member.id) static_members_.erase(known);
}

bool ConsumerGroup::is_used(const std::string& regex) const {
  return std::ranges::any_of(members_, [&](const auto& entry) { return entry.second.regex == regex; });
}

void ConsumerGroup::set_regex(const std::string& regex, ResolvedRegex found) {
  erase_regex(regex);
  footprint_ += found.footprint();
  regexes_.emplace(regex, std::move(found));
}

bool ConsumerGroup::erase_regex(const std::string& regex) {
  const auto at = regexes_.find(regex);
  if (at == regexes_.end()) return false;
  footprint_ -= at->second.footprint();
  regexes_.erase(at);
  return true;
}

std::size_t ConsumerGroup::ResolvedRegex::footprint() const {
  constexpr std::size_t kNode = 80;  // of a set, with allocator overhead
  std::size_t bytes = sizeof(ResolvedRegex) + kNode;
  for (const std::string& topic : topics) bytes += kNode + topic.size();
  return bytes;
}

/// What nobody asks for any more is not kept.
void ConsumerGroup::forget_regex(const std::string& regex) {
  if (regex.empty() || is_used(regex) || !erase_regex(regex)) return;
  dirty_.regexes.insert(regex);
}

void ConsumerGroup::recount(ConsumerMember& member) {
  footprint_ -= member.counted;
  member.counted = member.footprint();
  footprint_ += member.counted;
}

void ConsumerGroup::restart_session(ConsumerMember& member, Clock at) {
  const std::int32_t span = member.classic ? member.classic->session_timeout_ms : config_->consumer_session_timeout_ms;
  member.session_ends = at.now + std::chrono::milliseconds(span);
  due_at(*member.session_ends);
}

void ConsumerGroup::start_sessions(Clock at) {
  for (auto next = regexes_.begin(); next != regexes_.end();) {
    const std::string regex = (next++)->first;
    if (!is_used(regex)) erase_regex(regex);
  }
  for (auto& [id, member] : members_) {
    assignment_epoch_ = std::max(assignment_epoch_, member.epoch);
    for (GivenPartitions* given : {&member.assigned, &member.revoking}) {
      for (auto& [topic, partitions] : *given) {
        const TopicId of = topic;
        std::erase_if(partitions, [&](const auto& entry) { return owner_of(of, entry.first) != &member; });
        for (const auto& [partition, since] : partitions) assignment_epoch_ = std::max(assignment_epoch_, since);
      }
      std::erase_if(*given, [](const auto& entry) { return entry.second.empty(); });
    }
    recount(member);
  }
  epoch_ = std::max(epoch_, assignment_epoch_);
  for (auto& [id, member] : members_) {
    restart_session(member, at);
    if (member.state != MemberState::unrevoked_partitions || member.classic) continue;
    member.revocation_ends = at.now + std::chrono::milliseconds(std::max(member.rebalance_timeout_ms, 0));
    due_at(*member.revocation_ends);
  }
}

void ConsumerGroup::due_at(Instant at) {
  if (!earliest_ || at < *earliest_) earliest_ = at;
}

void ConsumerGroup::recompute_earliest() {
  earliest_.reset();
  for (const auto& [id, member] : members_) {
    if (const auto end = member.earliest_end()) due_at(*end);
  }
}

bool ConsumerGroup::is_subscribed_to(std::string_view topic) const {
  return std::ranges::any_of(members_, [&](const auto& entry) {
    if (entry.second.topics.contains(topic)) return true;
    const auto regex = regexes_.find(entry.second.regex);
    return regex != regexes_.end() && regex->second.topics.contains(topic);
  });
}

ErrorCode ConsumerGroup::validate_commit(std::string_view member_id, std::int32_t epoch,
                                         std::int16_t api_version) const {
  constexpr std::int16_t kMemberEpochSince = 9;
  if (epoch < 0 && members_.empty()) return ErrorCode::none;
  const ConsumerMember* const member = find(member_id);
  if (member == nullptr) return ErrorCode::unknown_member_id;
  if (member->classic) return epoch == member->epoch ? ErrorCode::none : ErrorCode::illegal_generation;
  if (api_version < kMemberEpochSince) return ErrorCode::unsupported_version;
  return epoch > member->epoch ? ErrorCode::stale_member_epoch : ErrorCode::none;
}

bool ConsumerGroup::may_commit(std::string_view member_id, std::int32_t epoch, TopicId topic,
                               PartitionIndex partition) const {
  const ConsumerMember* const member = find(member_id);
  if (member == nullptr || member->epoch == epoch) return true;
  for (const GivenPartitions* given : {&member->assigned, &member->revoking}) {
    const auto partitions = given->find(topic);
    if (partitions == given->end()) continue;
    const auto since = partitions->second.find(partition);
    if (since != partitions->second.end()) return epoch >= since->second;
  }
  return false;
}

ErrorCode ConsumerGroup::validate_fetch(const std::optional<std::string>& member_id, std::int32_t epoch) const {
  if (!member_id && epoch < 0) return ErrorCode::none;
  const ConsumerMember* const member = find(member_id.value_or(""));
  if (member == nullptr) return ErrorCode::unknown_member_id;
  if (member->epoch == epoch) return ErrorCode::none;
  return member->classic ? ErrorCode::illegal_generation : ErrorCode::stale_member_epoch;
}

wire::ConsumerGroupDescribeResponse::Group ConsumerGroup::describe(const Topics& topics) const {
  using Group = wire::ConsumerGroupDescribeResponse;
  const auto named = [&](const PartitionSet& set) {
    Group::Assignment assignment;
    for (const auto& [topic, partitions] : set) {
      const auto known = topics.find(topic);
      if (!known) continue;
      assignment.topic_partitions.push_back({topic, known->name, {partitions.begin(), partitions.end()}});
    }
    return assignment;
  };
  Group::Group group{.group_id = id_,
                     .group_state = std::string(to_string(state())),
                     .group_epoch = epoch_,
                     .assignment_epoch = assignment_epoch_,
                     .assignor_name = assignor_name(),
                     .members = {}};
  for (const auto& [id, member] : members_) {
    group.members.push_back({.member_id = id,
                             .instance_id = member.instance_id,
                             .rack_id = member.rack_id,
                             .member_epoch = member.epoch,
                             .client_id = member.client_id,
                             .client_host = member.client_host,
                             .subscribed_topic_names = {member.topics.begin(), member.topics.end()},
                             .subscribed_topic_regex = member.regex,
                             .assignment = named(without_epochs(member.assigned)),
                             .target_assignment = named(member.target.value_or(PartitionSet{})),
                             .member_type = static_cast<std::int8_t>(member.classic ? 0 : 1)});
  }
  return group;
}

}  // namespace chronik::coord
