// A group as a GroupMetadata record, and as DescribeGroups shows it.
#include <algorithm>

#include "coord/group.h"

namespace chronik::coord {

wire::GroupMetadataValue Group::snapshot() const {
  wire::GroupMetadataValue value{.protocol_type = protocol_type_.value_or(""),
                                 .generation = generation_,
                                 .protocol = protocol_,
                                 .leader = leader_,
                                 .current_state_timestamp = state_since_,
                                 .members = {}};
  value.members.reserve(members_.size());
  for (const auto& [id, member] : members_) {
    value.members.push_back({.member_id = id,
                             .group_instance_id = member.instance_id,
                             .client_id = member.client_id,
                             .client_host = member.client_host,
                             .rebalance_timeout_ms = member.rebalance_timeout_ms,
                             .session_timeout_ms = member.session_timeout_ms,
                             .subscription = member.metadata(protocol_.value_or("")),
                             .assignment = member.assignment});
  }
  return value;
}

void Group::restore(const wire::GroupMetadataValue& value) {
  Group fresh(id_, *config_, {Instant{}, value.current_state_timestamp});
  fresh.last_store_ = last_store_;
  fresh.sessions_started_ = false;
  fresh.generation_ = value.generation;
  if (!value.protocol_type.empty()) fresh.protocol_type_ = value.protocol_type;
  fresh.protocol_ = value.protocol;
  for (const auto& stored : value.members) {
    const bool taken = fresh.members_.contains(stored.member_id) ||
                       (stored.group_instance_id && fresh.static_members_.contains(*stored.group_instance_id));
    if (taken) continue;  // no record of ours says so
    Member member{.id = stored.member_id,
                  .instance_id = stored.group_instance_id,
                  .client_id = stored.client_id,
                  .client_host = stored.client_host,
                  .rebalance_timeout_ms =
                      stored.rebalance_timeout_ms < 0 ? stored.session_timeout_ms : stored.rebalance_timeout_ms,
                  .session_timeout_ms = stored.session_timeout_ms,
                  .protocols = {{value.protocol.value_or(""), Buffer::copy_of(stored.subscription.span())}},
                  .assignment = Buffer::copy_of(stored.assignment.span())};
    fresh.insert(std::move(member));
  }
  if (fresh.members_.empty()) {
    fresh.leader_.reset();
  } else {
    fresh.state_ = GroupState::stable;
    if (!fresh.protocol_) fresh.protocol_ = "";
    if (value.leader && fresh.members_.contains(*value.leader)) fresh.leader_ = value.leader;
  }
  fresh.subscribed_topics_ = fresh.compute_subscribed_topics();
  *this = std::move(fresh);
}

Update Group::start_sessions(Clock at) {
  Update update;
  sessions_started_ = true;
  for (auto& [id, member] : members_) restart_session(member, at);
  // group.max.size may have shrunk; a rebalance lets consumers commit before some are turned away.
  if (state_ == GroupState::stable &&
      members_.size() > static_cast<std::size_t>(std::max(config_->group_max_size, 0))) {
    prepare_rebalance(at, update);
  }
  return update;
}

wire::DescribeGroupsResponse::Group Group::describe() const {
  wire::DescribeGroupsResponse::Group description;
  description.group_id = id_;
  description.group_state = to_string(state_);
  description.protocol_type = protocol_type_.value_or("");
  const bool stable = state_ == GroupState::stable;
  if (stable) description.protocol_data = protocol_.value_or("");
  for (const auto& [id, member] : members_) {
    description.members.push_back({.member_id = id,
                                   .group_instance_id = member.instance_id,
                                   .client_id = member.client_id,
                                   .client_host = member.client_host,
                                   .member_metadata = stable ? member.metadata(protocol_.value_or("")) : Buffer(),
                                   .member_assignment = member.assignment});
  }
  return description;
}

}  // namespace chronik::coord
