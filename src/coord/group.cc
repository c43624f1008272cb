// SyncGroup, Heartbeat, LeaveGroup, OffsetCommit; what became of writes; what is due.
#include "coord/group.h"

#include <algorithm>

#include "base/check.h"
#include "coord/answers.h"

namespace chronik::coord {

std::string_view to_string(GroupState state) {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
    case GroupState::dead:
      return "Dead";
  }
  return "Unknown";
}

namespace {
/// A client of version 5 names what it believes; an older one says nothing.
bool contradicts(const std::optional<std::string>& said, const std::optional<std::string>& is) {
  return said && is && *said != *is;
}
}  // namespace

Group::Group(std::string id, const GroupConfig& config, Clock at)
    : id_(std::move(id)), config_(&config), state_since_(at.wall), footprint_(sizeof(Group) + 2 * id_.size()) {}

Update Group::sync(Ticket ticket, const wire::SyncGroupRequest& request) {
  Update update;
  const auto refuse = [&](ErrorCode error) {
    update.syncs.emplace_back(ticket, sync_error(error));
    return update;
  };
  if (state_ == GroupState::dead) return refuse(ErrorCode::coordinator_not_available);
  if (const ErrorCode error = validate(request.member_id, request.group_instance_id); error != ErrorCode::none) {
    return refuse(error);
  }
  if (request.generation_id != generation_) return refuse(ErrorCode::illegal_generation);
  if (contradicts(request.protocol_type, protocol_type_) || contradicts(request.protocol_name, protocol_)) {
    return refuse(ErrorCode::inconsistent_group_protocol);
  }
  if (state_ == GroupState::empty) return refuse(ErrorCode::unknown_member_id);
  if (state_ == GroupState::preparing_rebalance) return refuse(ErrorCode::rebalance_in_progress);

  Member& member = *find(request.member_id);
  settle_owed_sync(member);
  if (state_ == GroupState::stable) {
    update.syncs.emplace_back(
        ticket, wire::SyncGroupResponse{
                    .protocol_type = protocol_type_, .protocol_name = protocol_, .assignment = member.assignment});
    return update;
  }
  // An older request of the same member can be waiting; its connection is most likely gone.
  answer_sync(member, sync_error(ErrorCode::rebalance_in_progress), update);
  member.sync = ticket;
  if (leader_ != member.id) return update;

  Assignments assignments;
  for (const auto& [id, other] : members_) assignments.try_emplace(id);
  for (const auto& given : request.assignments) {
    if (const auto to = assignments.find(given.member_id); to != assignments.end()) {
      to->second = Buffer::copy_of(given.assignment.span());
    }
  }
  last_store_ = last_store_.plus(1);
  Store store{last_store_, snapshot()};
  for (auto& stored : store.value.members) stored.assignment = assignments.find(stored.member_id)->second;
  pending_stores_[last_store_] = {
      .generation = generation_, .assignments = std::move(assignments), .replacement = std::nullopt};
  update.stores.push_back(std::move(store));
  return update;
}

ErrorCode Group::heartbeat(std::string_view member, const std::optional<std::string>& instance, std::int32_t generation,
                           Clock at) {
  if (state_ == GroupState::dead) return ErrorCode::coordinator_not_available;
  if (const ErrorCode error = validate(member, instance); error != ErrorCode::none) return error;
  if (generation != generation_) return ErrorCode::illegal_generation;
  restart_session(*find(member), at);
  return state_ == GroupState::preparing_rebalance ? ErrorCode::rebalance_in_progress : ErrorCode::none;
}

Update Group::leave(const std::vector<wire::LeaveGroupRequest::MemberIdentity>& leaving,
                    std::vector<ErrorCode>& results, Clock at) {
  Update update;
  results.assign(leaving.size(), ErrorCode::none);
  bool anyone = false;
  for (std::size_t i = 0; i < leaving.size(); ++i) {
    const auto& [member_id, instance, reason] = leaving[i];
    std::string id = member_id;
    if (member_id.empty()) {
      // By instance id alone: an administrator removes a static member.
      const auto known = instance ? static_members_.find(*instance) : static_members_.end();
      if (known == static_members_.end()) {
        results[i] = ErrorCode::unknown_member_id;
        continue;
      }
      id = known->second;
    } else if (!pending_joins_.contains(member_id)) {
      results[i] = validate(member_id, instance);
      if (results[i] != ErrorCode::none) continue;
    }
    remove(id, update);
    anyone = true;
  }
  if (!anyone) return update;
  if (state_ == GroupState::stable || state_ == GroupState::completing_rebalance) {
    prepare_rebalance(at, update);
  } else {
    complete_if_all_joined(at, update);
  }
  return update;
}

ErrorCode Group::commit_offsets(std::string_view member, const std::optional<std::string>& instance,
                                std::int32_t generation, Clock at) {
  if (state_ == GroupState::dead) return ErrorCode::coordinator_not_available;
  // A consumer without group management, or an administrator, while nobody is there.
  if (generation < 0 && state_ == GroupState::empty) return ErrorCode::none;
  if (generation < 0 && member.empty() && !instance) return ErrorCode::unknown_member_id;
  if (const ErrorCode error = validate(member, instance); error != ErrorCode::none) return error;
  if (generation != generation_) return ErrorCode::illegal_generation;
  if (state_ == GroupState::completing_rebalance) return ErrorCode::rebalance_in_progress;
  restart_session(*find(member), at);
  return ErrorCode::none;
}

Update Group::stored(StoreId id, ErrorCode error, Clock at) {
  Update update;
  const auto node = pending_stores_.extract(id);
  if (node.empty()) return update;
  PendingStore& pending = node.mapped();
  if (pending.generation != generation_) return update;  // the group has moved on
  if (pending.replacement) {
    static_replaced(pending, error, at, update);
  } else if (pending.assignments && state_ == GroupState::completing_rebalance) {
    for (auto& [member_id, member] : members_) {
      const auto given = pending.assignments->find(member_id);
      const bool take = error == ErrorCode::none && given != pending.assignments->end();
      set_assignment(member, take ? given->second : Buffer());
    }
    propagate_assignments(error, at, update);
    if (error == ErrorCode::none) {
      transition(GroupState::stable, at);
    } else {
      prepare_rebalance(at, update);
    }
  }
  return update;
}

Update Group::expire(Clock at) {
  Update update;
  if (state_ == GroupState::dead) return update;
  if (join_ends_ && *join_ends_ <= at.now) initial_ ? initial_delay_over(at, update) : complete_join(at, update);
  if (sync_ends_ && *sync_ends_ <= at.now) sync_over(at, update);

  std::vector<std::string> due;
  for (const auto& [id, ends] : pending_joins_) {
    if (ends <= at.now) due.push_back(id);
  }
  for (auto& [id, member] : members_) {
    if (!member.session_ends || *member.session_ends > at.now) continue;
    // Who waits for us cannot be blamed for silence; the session starts over with the answer.
    const bool excused = !member.is_new && (member.join || member.sync);
    member.session_ends.reset();
    if (!excused) due.push_back(id);
  }
  for (const std::string& id : due) {
    if (members_.contains(id) || pending_joins_.contains(id)) drop(id, at, update);
  }
  recompute_earliest();
  return update;
}

/// A member is gone without a word.
void Group::drop(const std::string& id, Clock at, Update& update) {
  const bool pending = pending_joins_.contains(id);
  remove(id, update);
  if (state_ == GroupState::preparing_rebalance) {
    if (all_joined()) complete_join(at, update);
  } else if (!pending && can_rebalance() && state_ != GroupState::empty) {
    prepare_rebalance(at, update);
  }
}

/// Members that did not ask for their assignment within the rebalance time-out are out.
void Group::sync_over(Clock at, Update& update) {
  sync_ends_.reset();
  std::vector<std::string> silent;
  for (const auto& [id, member] : members_) {
    if (member.owes_sync) silent.push_back(id);
  }
  if (silent.empty()) return;
  for (const std::string& id : silent) remove(id, update);
  prepare_rebalance(at, update);
}

Update Group::abandon(ErrorCode error, Clock at) {
  Update update;
  for (auto& [id, member] : members_) {
    answer_join(member, join_error(error, id), update);
    answer_sync(member, sync_error(error), update);
    member.session_ends.reset();
  }
  for (const auto& [id, ends] : pending_joins_) footprint_ -= pending_join_footprint(id);
  pending_joins_.clear();
  pending_stores_.clear();
  join_ends_.reset();
  sync_ends_.reset();
  transition(GroupState::dead, at);
  recompute_earliest();
  return update;
}

void Group::begin_deletion() {
  CHECK(state_ == GroupState::empty);
  state_ = GroupState::dead;  // the time of the last change stays, in case it fails
}

void Group::cancel_deletion() {
  CHECK(state_ == GroupState::dead && members_.empty());
  state_ = GroupState::empty;
}

bool Group::vacant() const {
  return state_ == GroupState::empty && !protocol_type_ && generation_ == 0 && pending_joins_.empty();
}

}  // namespace chronik::coord
