// Members of a group: the maps they stand in, and the answers to their requests.
#include <algorithm>

#include "base/check.h"
#include "coord/answers.h"
#include "coord/group.h"

namespace chronik::coord {

namespace {
constexpr std::size_t kPendingJoinOverhead = 112;  // a map node
}

std::size_t Group::pending_join_footprint(const std::string& id) {
  return id.size() + kPendingJoinOverhead;
}

ErrorCode Group::validate(std::string_view member, const std::optional<std::string>& instance) const {
  if (instance) {
    const auto known = static_members_.find(*instance);
    if (known == static_members_.end()) return ErrorCode::unknown_member_id;
    if (known->second != member) return ErrorCode::fenced_instance_id;
  }
  return members_.contains(member) ? ErrorCode::none : ErrorCode::unknown_member_id;
}

Member* Group::find(std::string_view id) {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second;
}

void Group::count_protocols(const Member& member, int by) {
  for (const Member::Protocol& protocol : member.protocols) {
    const auto at = protocol_counts_.try_emplace(protocol.name, 0).first;
    at->second = static_cast<std::size_t>(static_cast<std::int64_t>(at->second) + by);
    if (at->second == 0) protocol_counts_.erase(at);
  }
}

Member& Group::insert(Member member) {
  if (member.instance_id) CHECK(static_members_.try_emplace(*member.instance_id, member.id).second);
  count_protocols(member, 1);
  if (member.join) ++awaiting_join_;
  footprint_ += member.footprint();
  if (!leader_) leader_ = member.id;
  if (const auto pending = pending_joins_.find(member.id); pending != pending_joins_.end()) {
    footprint_ -= pending_join_footprint(pending->first);
    pending_joins_.erase(pending);
  }
  std::string id = member.id;
  const auto [at, inserted] = members_.try_emplace(std::move(id), std::move(member));
  CHECK(inserted);
  return at->second;
}

/// Whoever still waits in its name learns that the member is gone and may join afresh.
void Group::remove(std::string_view id, Update& update) {
  if (const auto pending = pending_joins_.find(id); pending != pending_joins_.end()) {
    footprint_ -= pending_join_footprint(pending->first);
    pending_joins_.erase(pending);
  }
  const auto at = members_.find(id);
  if (at == members_.end()) return;
  Member& member = at->second;
  answer_join(member, join_error(ErrorCode::unknown_member_id), update);
  answer_sync(member, sync_error(ErrorCode::unknown_member_id), update);
  if (member.instance_id) static_members_.erase(*member.instance_id);
  count_protocols(member, -1);
  footprint_ -= member.footprint();
  const bool was_leader = leader_ == member.id;
  members_.erase(at);
  if (was_leader) leader_ = members_.empty() ? std::nullopt : std::optional(members_.begin()->first);
}

/// A static member under another member id: the bearer of the old one is fenced, wherever it waits.
void Group::rename(const std::string& old_id, const std::string& new_id, Update& update) {
  Member* const old = find(old_id);
  CHECK(old != nullptr && old->instance_id);
  answer_join(*old, join_error(ErrorCode::fenced_instance_id, old_id), update);
  answer_sync(*old, sync_error(ErrorCode::fenced_instance_id), update);
  auto node = members_.extract(old_id);
  footprint_ -= node.mapped().footprint();
  node.key() = new_id;
  node.mapped().id = new_id;
  node.mapped().is_new = false;
  footprint_ += node.mapped().footprint();
  static_members_[*node.mapped().instance_id] = new_id;
  if (leader_ == old_id) leader_ = new_id;
  CHECK(members_.insert(std::move(node)).inserted);
}

void Group::set_protocols(Member& member, std::vector<Member::Protocol> protocols) {
  count_protocols(member, -1);
  footprint_ -= member.footprint();
  member.protocols = std::move(protocols);
  footprint_ += member.footprint();
  count_protocols(member, 1);
}

void Group::set_assignment(Member& member, Buffer assignment) {
  footprint_ -= member.footprint();
  member.assignment = std::move(assignment);
  footprint_ += member.footprint();
}

void Group::answer_join(Member& member, wire::JoinGroupResponse response, Update& update) {
  if (!member.join) return;
  update.joins.emplace_back(*member.join, std::move(response));
  member.join.reset();
  --awaiting_join_;
}

void Group::answer_sync(Member& member, wire::SyncGroupResponse response, Update& update) {
  if (!member.sync) return;
  update.syncs.emplace_back(*member.sync, std::move(response));
  member.sync.reset();
}

/// What a member learns of the current generation; the leader also learns who is in it.
wire::JoinGroupResponse Group::joined(const Member& member) const {
  wire::JoinGroupResponse response{.generation_id = generation_,
                                   .protocol_type = protocol_type_,
                                   .protocol_name = protocol_,
                                   .leader = leader_.value_or(""),
                                   .member_id = member.id,
                                   .members = {}};
  if (leader_ != member.id) return response;
  response.members.reserve(members_.size());
  for (const auto& [id, other] : members_) {
    response.members.push_back({id, other.instance_id, other.metadata(protocol_.value_or(""))});
  }
  return response;
}

void Group::restart_session(Member& member, Duration span, Clock at) {
  member.session_ends = at.now + span;
  due_at(*member.session_ends);
}

void Group::restart_session(Member& member, Clock at) {
  restart_session(member, std::chrono::milliseconds(member.session_timeout_ms), at);
}

/// Its SyncGroup has come; when none is owed any more, nobody is waited for.
void Group::settle_owed_sync(Member& member) {
  member.owes_sync = false;
  if (std::ranges::none_of(members_, [](const auto& entry) { return entry.second.owes_sync; })) sync_ends_.reset();
}

void Group::due_at(Instant at) {
  if (!earliest_ || at < *earliest_) earliest_ = at;
}

void Group::recompute_earliest() {
  earliest_.reset();
  if (join_ends_) due_at(*join_ends_);
  if (sync_ends_) due_at(*sync_ends_);
  for (const auto& [id, ends] : pending_joins_) due_at(ends);
  for (const auto& [id, member] : members_) {
    if (member.session_ends) due_at(*member.session_ends);
  }
}

}  // namespace chronik::coord
