// A live group changes its protocol: a classic one is taken over with its members and what they have, when the first
// member of the new protocol joins; and it becomes classic again when the last one of those leaves.
#include <algorithm>

#include "coord/consumer_group.h"
#include "coord/embedded_protocol.h"

namespace chronik::coord {

bool ConsumerGroup::adopt(const Group& group, const Topics& topics, Clock at) {
  epoch_ = assignment_epoch_ = group.generation();
  assigned_at_ = at.wall;
  for (const auto& [id, was] : group.members()) {
    const std::string protocol = group.protocol() && was.supports(*group.protocol()) ? *group.protocol()
                                 : was.protocols.empty()                             ? ""
                                                                                     : was.protocols.front().name;
    const auto subscription = read_subscription(was.metadata(protocol));
    const auto assignment = read_assignment(was.assignment, topics);
    if (!subscription || !assignment) return false;
    ConsumerMember& member = members_.try_emplace(id).first->second;
    member.id = id;
    member.instance_id = was.instance_id;
    member.rack_id = subscription->rack_id;
    member.client_id = was.client_id;
    member.client_host = was.client_host;
    member.topics = {subscription->topics.begin(), subscription->topics.end()};
    member.rebalance_timeout_ms = was.rebalance_timeout_ms;
    member.classic = {.session_timeout_ms = was.session_timeout_ms, .supported_protocols = {}};
    for (const auto& supported : was.protocols) {
      member.classic->supported_protocols.push_back({supported.name, supported.metadata});
    }
    member.epoch = member.previous_epoch = epoch_;
    // An assignor of the clients' may have given one partition twice: the first has it.
    for (const auto& [topic, partitions] : *assignment) {
      for (const PartitionIndex partition : partitions) {
        if (owner_of(topic, partition) == nullptr) member.assigned[topic].emplace(partition, epoch_);
      }
    }
    member.target = without_epochs(member.assigned);
    claim(member);
    if (member.instance_id) static_members_[*member.instance_id] = id;
    recount(member);
    restart_session(member, at);
    for (auto* ids : {&dirty_.metadata, &dirty_.targets, &dirty_.currents}) ids->insert(id);
  }
  dirty_.group = dirty_.assignment = true;
  return true;
}

std::optional<wire::GroupMetadataValue> ConsumerGroup::as_classic(const Topics& topics, Clock at) const {
  if (members_.empty()) return std::nullopt;
  std::vector<std::string> offered;
  for (const auto& [id, member] : members_) {
    if (!member.classic) return std::nullopt;
    if (!offered.empty()) continue;
    for (const auto& protocol : member.classic->supported_protocols) offered.push_back(protocol.name);
  }
  const auto protocol = common_protocol(offered);
  if (!protocol) return std::nullopt;
  wire::GroupMetadataValue value{.protocol_type = "consumer",
                                 // Where its members are: they are told to join again, not that they are strangers.
                                 .generation = assignment_epoch_,
                                 .protocol = protocol,
                                 .leader = members_.begin()->first,
                                 .current_state_timestamp = at.wall,
                                 .members = {}};
  for (const auto& [id, member] : members_) {
    const auto said = std::ranges::find_if(member.classic->supported_protocols,
                                           [&](const auto& supported) { return supported.name == *protocol; });
    value.members.push_back({.member_id = id,
                             .group_instance_id = member.instance_id,
                             .client_id = member.client_id,
                             .client_host = member.client_host,
                             .rebalance_timeout_ms = member.rebalance_timeout_ms,
                             .session_timeout_ms = member.classic->session_timeout_ms,
                             .subscription = said->metadata,
                             .assignment = write_assignment(without_epochs(member.assigned), said->metadata, topics)});
  }
  return value;
}

}  // namespace chronik::coord
