// The phases of a rebalance: waiting for members to join, the next generation, handing out assignments.
#include <algorithm>

#include "coord/answers.h"
#include "coord/group.h"
#include "coord/subscription.h"

namespace chronik::coord {

namespace {
constexpr std::string_view kConsumerProtocol = "consumer";
// When nobody came back the phase is waited out once more; a client's time-out of 0 must not make that a spin.
constexpr std::int32_t kPostponeMsMin = 1000;
}  // namespace

void Group::transition(GroupState to, Clock at) {
  previous_state_ = state_;
  state_ = to;
  state_since_ = at.wall;
}

bool Group::can_rebalance() const {
  return state_ == GroupState::empty || state_ == GroupState::stable || state_ == GroupState::completing_rebalance;
}

std::int32_t Group::rebalance_timeout_ms() const {
  std::int32_t longest = 0;
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

void Group::prepare_or_complete(Clock at, Update& update) {
  can_rebalance() ? prepare_rebalance(at, update) : complete_if_all_joined(at, update);
}

Update Group::rebalance(Clock at) {
  Update update;
  if (can_rebalance()) prepare_rebalance(at, update);
  return update;
}

void Group::prepare_rebalance(Clock at, Update& update) {
  if (state_ == GroupState::completing_rebalance) {
    for (auto& [id, member] : members_) set_assignment(member, {});
    propagate_assignments(ErrorCode::rebalance_in_progress, at, update);
  }
  for (auto& [id, member] : members_) member.owes_sync = false;
  sync_ends_.reset();

  const bool initial = state_ == GroupState::empty;
  transition(GroupState::preparing_rebalance, at);
  if (!initial) {
    if (all_joined()) return complete_join(at, update);
    join_ends_ = at.now + std::chrono::milliseconds(rebalance_timeout_ms());
    initial_ = false;
    return due_at(*join_ends_);
  }
  // The first members rarely come alone: wait a little for the others.
  initial_ = true;
  new_member_added_ = false;
  initial_step_ = config_->initial_rebalance_delay;
  initial_remaining_ =
      std::max(Duration(std::chrono::milliseconds(rebalance_timeout_ms())) - initial_step_, Duration::zero());
  join_ends_ = at.now + initial_step_;
  due_at(*join_ends_);
}

void Group::initial_delay_over(Clock at, Update& update) {
  if (!new_member_added_ || initial_remaining_ == Duration::zero()) return complete_join(at, update);
  new_member_added_ = false;
  const Duration step = std::min(config_->initial_rebalance_delay, initial_remaining_);
  initial_remaining_ = std::max(initial_remaining_ - initial_step_, Duration::zero());
  initial_step_ = step;
  join_ends_ = at.now + step;
  due_at(*join_ends_);
}

/// The initial delay is always waited out.
void Group::complete_if_all_joined(Clock at, Update& update) {
  if (state_ == GroupState::preparing_rebalance && all_joined() && previous_state_ != GroupState::empty) {
    complete_join(at, update);
  }
}

void Group::complete_join(Clock at, Update& update) {
  // Dynamic members that did not come back are out; static ones have until their session ends.
  std::vector<std::string> absent;
  for (const auto& [id, member] : members_) {
    if (!member.join && !member.instance_id) absent.push_back(id);
  }
  for (const std::string& id : absent) remove(id, update);

  initial_ = false;
  if (!members_.empty() && !elect_joined_leader()) {
    join_ends_ = at.now + std::chrono::milliseconds(std::max(rebalance_timeout_ms(), kPostponeMsMin));
    return due_at(*join_ends_);
  }
  join_ends_.reset();
  next_generation(at);
  if (state_ == GroupState::empty) {
    last_store_ = last_store_.plus(1);
    pending_stores_[last_store_] = {
        .generation = generation_, .assignments = std::nullopt, .replacement = std::nullopt};
    update.stores.push_back({last_store_, snapshot()});
    return;
  }
  for (auto& [id, member] : members_) {
    answer_join(member, joined(member), update);
    restart_session(member, at);
    member.is_new = false;
    member.owes_sync = true;
  }
  sync_ends_ = at.now + std::chrono::milliseconds(rebalance_timeout_ms());
  due_at(*sync_ends_);
}

/// False if nobody joined: then there is no generation to begin.
bool Group::elect_joined_leader() {
  if (const Member* const leader = leader_ ? find(*leader_) : nullptr; leader != nullptr && leader->join) return true;
  const auto joined = std::ranges::find_if(members_, [](const auto& entry) { return entry.second.join.has_value(); });
  if (joined == members_.end()) return false;
  leader_ = joined->first;
  return true;
}

void Group::next_generation(Clock at) {
  generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
  if (members_.empty()) {
    protocol_.reset();
    leader_.reset();
  } else {
    protocol_ = select_protocol();
  }
  subscribed_topics_ = compute_subscribed_topics();
  transition(members_.empty() ? GroupState::empty : GroupState::completing_rebalance, at);
}

/// Each member votes for the first of its protocols that all support; ties go to the name that sorts first.
std::string Group::select_protocol() const {
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    for (const Member::Protocol& protocol : member.protocols) {
      if (protocol_counts_.find(protocol.name)->second != members_.size()) continue;
      ++votes[protocol.name];
      break;
    }
  }
  const auto most = std::ranges::max_element(votes, {}, [](const auto& entry) { return entry.second; });
  return most == votes.end() ? std::string() : std::string(most->first);
}

bool Group::uses_consumer_protocol() const {
  return protocol_type_ == kConsumerProtocol;
}

std::optional<std::set<std::string, std::less<>>> Group::compute_subscribed_topics() const {
  if (!uses_consumer_protocol()) return std::nullopt;
  std::set<std::string, std::less<>> topics;
  if (members_.empty()) return topics;
  if (!protocol_) return std::nullopt;
  for (const auto& [id, member] : members_) {
    if (!add_subscribed_topics(member.metadata(*protocol_).span(), topics)) return std::nullopt;
  }
  return topics;
}

bool Group::is_subscribed_to(std::string_view topic) const {
  return subscribed_topics_ ? subscribed_topics_->contains(topic) : uses_consumer_protocol();
}

/// Answers every waiting SyncGroup. Sessions start over: a member that waited may have missed its heartbeat.
void Group::propagate_assignments(ErrorCode error, Clock at, Update& update) {
  for (auto& [id, member] : members_) {
    if (!member.sync) continue;
    wire::SyncGroupResponse response = sync_error(error);
    if (error == ErrorCode::none) {
      response.protocol_type = protocol_type_;
      response.protocol_name = protocol_;
      response.assignment = member.assignment;
    }
    answer_sync(member, std::move(response), update);
    restart_session(member, at);
  }
}

}  // namespace chronik::coord
