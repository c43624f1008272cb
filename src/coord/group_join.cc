// JoinGroup: new members, members that come again, static members that come back under a new member id.
#include <algorithm>

#include "coord/answers.h"
#include "coord/group.h"

namespace chronik::coord {

Update Group::join(Ticket ticket, const wire::JoinGroupRequest& request, const Joiner& joiner, Clock at) {
  Update update;
  const bool is_unknown = request.member_id.empty();
  if (state_ == GroupState::dead) {
    update.joins.emplace_back(ticket, join_error(ErrorCode::coordinator_not_available, request.member_id));
    return update;
  }
  if (!accepts(request.member_id)) {
    remove(request.member_id, update);
    update.joins.emplace_back(ticket, join_error(ErrorCode::group_max_size_reached));
    complete_if_all_joined(at, update);
    return update;
  }
  // Version 0 knows one time-out only.
  const std::int32_t rebalance =
      joiner.api_version == 0 ? request.session_timeout_ms : std::max(request.rebalance_timeout_ms, 0);
  Joining joining{ticket, request, joiner, copy_protocols(request.protocols), rebalance, at};
  if (!supports(request.protocol_type, joining.protocols)) {
    update.joins.emplace_back(ticket, join_error(ErrorCode::inconsistent_group_protocol, request.member_id));
    return update;
  }
  is_unknown ? join_new(joining, update) : join_known(joining, update);
  return update;
}

/// Members above group.max.size are turned away: those who come last in a rebalance, and newcomers outside one.
bool Group::accepts(std::string_view member) const {
  const auto size_max = static_cast<std::size_t>(std::max(config_->group_max_size, 0));
  const auto known = members_.find(member);
  switch (state_) {
    case GroupState::empty:
    case GroupState::dead:
      return true;
    case GroupState::preparing_rebalance:
      return (known != members_.end() && known->second.join) || awaiting_join_ < size_max;
    case GroupState::completing_rebalance:
    case GroupState::stable:
      return known != members_.end() || members_.size() < size_max;
  }
  return false;
}

bool Group::supports(const std::string& protocol_type, const std::vector<Member::Protocol>& protocols) const {
  if (state_ == GroupState::empty) return !protocol_type.empty() && !protocols.empty();
  if (protocol_type_ != protocol_type) return false;
  // While preparing, every member may have left: then there is nobody to disagree with.
  if (members_.empty()) return !protocols.empty();
  return std::ranges::any_of(protocols, [&](const Member::Protocol& protocol) {
    const auto count = protocol_counts_.find(protocol.name);
    return count != protocol_counts_.end() && count->second == members_.size();
  });
}

void Group::join_new(Joining& joining, Update& update) {
  const auto& instance = joining.request.group_instance_id;
  const std::string id = (instance ? *instance : joining.joiner.client_id) + "-" + joining.joiner.unique;
  if (instance) {
    const auto known = static_members_.find(*instance);
    if (known == static_members_.end()) return add_member(joining, id, update);
    const std::string old_id = known->second;
    return replace_static(joining, old_id, id, update);
  }
  if (joining.joiner.api_version < 4) return add_member(joining, id, update);
  // KIP-394: the client must come back with the id, so that lost answers do not leave members behind.
  const Instant ends = joining.at.now + std::chrono::milliseconds(joining.request.session_timeout_ms);
  pending_joins_[id] = ends;
  footprint_ += pending_join_footprint(id);
  due_at(ends);
  update.joins.emplace_back(joining.ticket, join_error(ErrorCode::member_id_required, id));
}

void Group::join_known(Joining& joining, Update& update) {
  const std::string& id = joining.request.member_id;
  const auto& instance = joining.request.group_instance_id;
  // A pending id belongs to a dynamic member; one that now claims an instance id is not who got it.
  if (pending_joins_.contains(id) && !instance) return add_member(joining, id, update);
  if (const ErrorCode error = validate(id, instance); error != ErrorCode::none) {
    update.joins.emplace_back(joining.ticket, join_error(error, id));
    return;
  }
  join_known_member(joining, *find(id), update);
}

void Group::join_known_member(Joining& joining, Member& member, Update& update) {
  switch (state_) {
    case GroupState::preparing_rebalance:
      return update_member(member, joining, update), prepare_or_complete(joining.at, update);
    case GroupState::completing_rebalance:
      // The same again: it may not have got the answer.
      if (member.matches(joining.protocols)) {
        update.joins.emplace_back(joining.ticket, joined(member));
        return;
      }
      return update_member(member, joining, update), prepare_or_complete(joining.at, update);
    case GroupState::stable:
      // The leader may want a rebalance for reasons only it knows, such as a topic's new partitions.
      if (leader_ == member.id || !member.matches(joining.protocols)) {
        return update_member(member, joining, update), prepare_or_complete(joining.at, update);
      }
      update.joins.emplace_back(joining.ticket, joined(member));
      return;
    case GroupState::empty:
    case GroupState::dead:
      update.joins.emplace_back(joining.ticket, join_error(ErrorCode::unknown_member_id, member.id));
      return;
  }
}

void Group::add_member(Joining& joining, const std::string& id, Update& update) {
  if (members_.empty()) protocol_type_ = joining.request.protocol_type;
  if (state_ == GroupState::preparing_rebalance && previous_state_ == GroupState::empty) new_member_added_ = true;
  Member& member = insert({.id = id,
                           .instance_id = joining.request.group_instance_id,
                           .client_id = joining.joiner.client_id,
                           .client_host = joining.joiner.client_host,
                           .rebalance_timeout_ms = joining.rebalance_timeout_ms,
                           .session_timeout_ms = joining.request.session_timeout_ms,
                           .protocols = std::move(joining.protocols),
                           .assignment = {},
                           .join = joining.ticket,
                           .is_new = true});
  // It cannot send heartbeats while it waits for its first answer, and may be gone: bounded all the same.
  restart_session(member, config_->new_member_join_timeout, joining.at);
  prepare_or_complete(joining.at, update);
}

void Group::update_member(Member& member, Joining& joining, Update& update) {
  // An older request of the same member can be waiting; its connection is most likely gone.
  answer_join(member, join_error(ErrorCode::rebalance_in_progress, member.id), update);
  set_protocols(member, std::move(joining.protocols));
  member.rebalance_timeout_ms = joining.rebalance_timeout_ms;
  member.session_timeout_ms = joining.request.session_timeout_ms;
  member.join = joining.ticket;
  ++awaiting_join_;
}

/// KIP-345: a static member came back. A stable group whose choice of protocol stays keeps its generation and
/// assignments; the new member id is written before it is given out.
void Group::replace_static(Joining& joining, const std::string& old_id, const std::string& new_id, Update& update) {
  const std::optional<std::string> old_leader = leader_;
  rename(old_id, new_id, update);
  Member& member = *find(new_id);
  StaticReplacement replacement{.ticket = joining.ticket,
                                .instance = *member.instance_id,
                                .old_id = old_id,
                                .new_id = new_id,
                                .old_protocols = member.protocols,
                                .old_rebalance_timeout_ms = member.rebalance_timeout_ms,
                                .old_session_timeout_ms = member.session_timeout_ms,
                                .old_leader = old_leader,
                                .api_version = joining.joiner.api_version};
  restart_session(member, joining.at);
  update_member(member, joining, update);
  if (state_ == GroupState::stable && select_protocol() == protocol_) {
    last_store_ = last_store_.plus(1);
    pending_stores_[last_store_] = {
        .generation = generation_, .assignments = std::nullopt, .replacement = std::move(replacement)};
    update.stores.push_back({last_store_, snapshot()});
    return;
  }
  // The leader may have been told the old member id already: its assignment would miss the new one.
  prepare_or_complete(joining.at, update);
}

void Group::static_replaced(const PendingStore& pending, ErrorCode error, Clock at, Update& update) {
  const StaticReplacement& was = *pending.replacement;
  Member* const member = find(was.new_id);
  // A rebalance, or the next replacement, may have answered meanwhile.
  if (member == nullptr || member->join != was.ticket || state_ != GroupState::stable) return;
  const bool is_leader = leader_ == was.new_id;
  if (error == ErrorCode::none) {
    wire::JoinGroupResponse response = joined(*member);
    // KIP-814: a leader that can be told so gets the members and skips the assignment. Older ones must not see that
    // they lead, or they would assign in a group that does not ask.
    if (was.api_version >= 9) {
      response.skip_assignment = is_leader;
    } else {
      response.members.clear();
      response.leader = was.old_leader.value_or("");
    }
    answer_join(*member, std::move(response), update);
    return;
  }
  wire::JoinGroupResponse response = join_error(error);
  response.generation_id = generation_;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_;
  response.leader = was.old_leader.value_or("");
  answer_join(*member, std::move(response), update);
  set_protocols(*member, was.old_protocols);
  member->rebalance_timeout_ms = was.old_rebalance_timeout_ms;
  member->session_timeout_ms = was.old_session_timeout_ms;
  rename(was.new_id, was.old_id, update);
  restart_session(*find(was.old_id), at);
}

}  // namespace chronik::coord
