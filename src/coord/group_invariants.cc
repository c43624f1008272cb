// What holds of a group after every event; run by every test and inside the simulator.
#include <algorithm>

#include "base/check.h"
#include "coord/group.h"

namespace chronik::coord {

void Group::check_invariants() const {
  std::size_t footprint = sizeof(Group) + 2 * id_.size();
  std::size_t awaiting = 0;
  std::size_t statics = 0;
  std::set<std::uint64_t> tickets;
  std::map<std::string, std::size_t, std::less<>> counts;
  for (const auto& [id, member] : members_) {
    CHECK(member.id == id && !id.empty());
    CHECK(!pending_joins_.contains(id));
    footprint += member.footprint();
    awaiting += member.join ? 1 : 0;
    if (member.instance_id) {
      ++statics;
      const auto known = static_members_.find(*member.instance_id);
      CHECK(known != static_members_.end() && known->second == id);
    }
    for (const auto& protocol : member.protocols) ++counts[protocol.name];
    // A request belongs to one member, and to one phase.
    CHECK(!(member.join && member.sync));
    if (member.join) CHECK(tickets.insert(member.join->value()).second);
    if (member.sync) CHECK(tickets.insert(member.sync->value()).second);
    if (member.sync) CHECK(state_ == GroupState::completing_rebalance);
    // Nobody is held without an end: silent members expire, waiting ones are answered by the phase's deadline.
    if (state_ != GroupState::dead && !member.join && !member.sync)
      CHECK(member.session_ends || sessions_not_started());
  }
  for (const auto& [id, ends] : pending_joins_) footprint += pending_join_footprint(id);
  CHECK(awaiting == awaiting_join_ && statics == static_members_.size());
  CHECK(counts == protocol_counts_);
  CHECK(footprint == footprint_);

  CHECK((state_ == GroupState::preparing_rebalance) == join_ends_.has_value());
  if (sync_ends_) CHECK(state_ == GroupState::completing_rebalance || state_ == GroupState::stable);
  if (state_ == GroupState::completing_rebalance) {
    // Either somebody owes a SyncGroup, until sync_ends_, or the assignments are being written.
    const bool writing = std::ranges::any_of(pending_stores_, [&](const auto& entry) {
      return entry.second.assignments && entry.second.generation == generation_;
    });
    CHECK(sync_ends_ || writing);
  }
  if (state_ == GroupState::empty) CHECK(members_.empty());
  if (state_ == GroupState::stable || state_ == GroupState::completing_rebalance) {
    CHECK(!members_.empty() && protocol_.has_value());
    for (const auto& [id, member] : members_) CHECK(member.supports(*protocol_));
  }
  if (!members_.empty()) CHECK(leader_ && members_.contains(*leader_) && protocol_type_);
  if (state_ == GroupState::dead) CHECK(awaiting_join_ == 0 && tickets.empty());
  if (earliest_ && join_ends_) CHECK(*earliest_ <= *join_ends_);
  CHECK(earliest_ || (!join_ends_ && !sync_ends_));
}

}  // namespace chronik::coord
