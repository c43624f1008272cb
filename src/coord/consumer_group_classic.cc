// Members of a consumer group that still speak the classic protocol: JoinGroup is a full heartbeat, SyncGroup tells
// what it brought, Heartbeat says when to join again. Nobody waits for anybody.
#include <algorithm>

#include "coord/consumer_group.h"
#include "coord/embedded_protocol.h"

namespace chronik::coord {

namespace {
constexpr std::string_view kConsumerProtocol = "consumer";
}

/// Of those offered, the first that every classic member supports.
std::optional<std::string> ConsumerGroup::common_protocol(const std::vector<std::string>& offered) const {
  const auto supported = [&](const std::string& name) {
    return std::ranges::all_of(members_, [&](const auto& entry) {
      const auto& classic = entry.second.classic;
      return !classic ||
             std::ranges::any_of(classic->supported_protocols, [&](const auto& p) { return p.name == name; });
    });
  };
  const auto found = std::ranges::find_if(offered, supported);
  return found == offered.end() ? std::nullopt : std::optional(*found);
}

ErrorCode ConsumerGroup::join_refusal(const wire::JoinGroupRequest& request, std::int16_t api_version) const {
  constexpr std::int16_t kKnownMemberIdSince = 4;  // KIP-394
  const bool is_unknown = request.member_id.empty();
  if (members_.size() >= static_cast<std::size_t>(std::max(config_->consumer_max_size, 0)) &&
      find(request.member_id) == nullptr) {
    return ErrorCode::group_max_size_reached;
  }
  std::vector<std::string> offered;
  for (const auto& protocol : request.protocols) offered.push_back(protocol.name);
  if (request.protocol_type != kConsumerProtocol || !common_protocol(offered)) {
    return ErrorCode::inconsistent_group_protocol;
  }
  if (!read_subscription(request.protocols.front().metadata)) return ErrorCode::unknown_server_error;
  if (!request.group_instance_id) {
    return is_unknown && api_version >= kKnownMemberIdSince ? ErrorCode::member_id_required : ErrorCode::none;
  }
  if (is_unknown) return ErrorCode::none;
  const auto known = static_members_.find(*request.group_instance_id);
  if (known == static_members_.end()) return ErrorCode::unknown_member_id;
  return known->second == request.member_id ? ErrorCode::none : ErrorCode::fenced_instance_id;
}

wire::JoinGroupResponse ConsumerGroup::join_classic(const wire::JoinGroupRequest& join, const Caller& caller,
                                                    const Topics& topics, Clock at) {
  const auto subscription = *read_subscription(join.protocols.front().metadata);
  ConsumerMember::Classic classic{.session_timeout_ms = join.session_timeout_ms, .supported_protocols = {}};
  for (const auto& protocol : join.protocols) {
    classic.supported_protocols.push_back({protocol.name, Buffer::copy_of(protocol.metadata.span())});
  }
  Request request;
  request.group_id = join.group_id;
  request.member_id = join.member_id;
  request.member_epoch = join.member_id.empty() ? kJoinEpoch : 1;  // who has an id takes nobody's place
  request.instance_id = join.group_instance_id;
  request.rack_id = subscription.rack_id;
  request.rebalance_timeout_ms = std::max(join.rebalance_timeout_ms, 0);
  request.subscribed_topic_names = subscription.topics;
  request.subscribed_topic_regex = "";
  request.topic_partitions.emplace();
  for (const auto& owned : subscription.owned_partitions) {
    if (const auto topic = topics.find(owned.topic)) request.topic_partitions->push_back({topic->id, owned.partitions});
  }
  ConsumerMember& member = step(request, caller, std::move(classic), topics, at).first;
  member.join_ends.reset();
  member.sync_ends = at.now + std::chrono::milliseconds(member.rebalance_timeout_ms);
  due_at(*member.sync_ends);
  wire::JoinGroupResponse response;
  response.generation_id = member.epoch;
  response.protocol_type = kConsumerProtocol;
  response.protocol_name = member.classic->supported_protocols.front().name;
  response.member_id = member.id;
  return response;
}

std::expected<ConsumerMember*, ErrorCode> ConsumerGroup::classic_member(std::string_view id,
                                                                        const std::optional<std::string>& instance,
                                                                        std::int32_t generation) {
  if (instance) {
    const auto known = static_members_.find(*instance);
    if (known == static_members_.end()) return std::unexpected(ErrorCode::unknown_member_id);
    if (known->second != id) return std::unexpected(ErrorCode::fenced_instance_id);
  }
  ConsumerMember* const member = find(id);
  if (member == nullptr || !member->classic) return std::unexpected(ErrorCode::unknown_member_id);
  if (member->epoch != generation) return std::unexpected(ErrorCode::illegal_generation);
  return member;
}

/// Once it is told to, it has the rebalance time-out to do so.
void ConsumerGroup::expect_join(ConsumerMember& member, Clock at) {
  if (member.join_ends) return;
  member.join_ends = at.now + std::chrono::milliseconds(std::max(member.rebalance_timeout_ms, 0));
  due_at(*member.join_ends);
}

wire::SyncGroupResponse ConsumerGroup::sync_classic(const wire::SyncGroupRequest& request, const Topics& topics,
                                                    Clock at) {
  wire::SyncGroupResponse response;
  const auto found = classic_member(request.member_id, request.group_instance_id, request.generation_id);
  if (!found) {
    response.error_code = found.error();
    return response;
  }
  ConsumerMember& member = **found;
  const auto& protocol = member.classic->supported_protocols.front();
  if ((request.protocol_type && *request.protocol_type != kConsumerProtocol) ||
      (request.protocol_name && *request.protocol_name != protocol.name)) {
    response.error_code = ErrorCode::inconsistent_group_protocol;
    return response;
  }
  // Who gives up partitions has joined already, and must finish that first.
  if (epoch_ > member.epoch && member.state != MemberState::unrevoked_partitions) {
    expect_join(member, at);
    response.error_code = ErrorCode::rebalance_in_progress;
    return response;
  }
  member.sync_ends.reset();
  restart_session(member, at);
  response.protocol_type = kConsumerProtocol;
  response.protocol_name = protocol.name;
  response.assignment = write_assignment(without_epochs(member.assigned), protocol.metadata, topics);
  return response;
}

/// There is something new to hear, or to give up, or to get.
bool ConsumerGroup::must_rejoin(const ConsumerMember& member) const {
  if (member.epoch < epoch_ || member.state == MemberState::unrevoked_partitions) return true;
  if (member.state != MemberState::unreleased_partitions || !member.target) return false;
  return std::ranges::none_of(*member.target, [&](const auto& topic) {
    return std::ranges::any_of(topic.second, [&](PartitionIndex partition) {
      return !contains(member.assigned, topic.first, partition) && owner_of(topic.first, partition) != nullptr;
    });
  });
}

ErrorCode ConsumerGroup::heartbeat_classic(std::string_view id, const std::optional<std::string>& instance,
                                           std::int32_t generation, Clock at) {
  const auto member = classic_member(id, instance, generation);
  if (!member) return member.error();
  restart_session(**member, at);
  if (!must_rejoin(**member)) return ErrorCode::none;
  expect_join(**member, at);
  return ErrorCode::rebalance_in_progress;
}

}  // namespace chronik::coord
