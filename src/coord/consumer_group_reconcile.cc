// Reconciliation: leads one member towards its target. First it gives up what it must not keep, and says so by the
// partitions that it owns; then it gets what others have given up.
#include <algorithm>

#include "base/canary.h"
#include "coord/consumer_group.h"

namespace chronik::coord {

namespace {

using Owned = std::optional<std::vector<ConsumerGroup::Request::TopicPartitions>>;

/// Whether the member still has, or does not deny to have, any of these.
bool still_owns(const Owned& owned, const GivenPartitions& given) {
  if (!owned) return true;
  return std::ranges::any_of(*owned, [&](const auto& topic) {
    return std::ranges::any_of(topic.partitions,
                               [&](PartitionIndex partition) { return contains(given, topic.topic_id, partition); });
  });
}

}  // namespace

/// True if what is assigned to the member changed.
bool ConsumerGroup::reconcile(ConsumerMember& member, bool subscription_changed, const Owned& owned,
                              const Topics& topics, Clock at) {
  if (!subscription_changed && member.is_reconciled_to(assignment_epoch_)) return false;
  std::set<TopicId> subscribed;
  for (const std::string& name : topics_of(member)) {
    if (const auto topic = topics.find(name)) subscribed.insert(topic->id);
  }
  const ConsumerMember before = member;
  disclaim(member);
  const bool revoked = member.state != MemberState::unrevoked_partitions || !still_owns(owned, member.revoking);
  const bool stays = member.is_reconciled_to(assignment_epoch_) || !revoked;
  if (stays) {
    if (subscription_changed) drop_unsubscribed(member, owned, subscribed);
  } else {
    advance(member, owned, subscribed);
  }
  claim(member);

  const bool changed = before.assigned != member.assigned;
  if (before.state == member.state && before.epoch == member.epoch && before.previous_epoch == member.previous_epoch &&
      !changed && before.revoking == member.revoking) {
    return false;
  }
  dirty_.currents.insert(member.id);
  recount(member);
  // The classic protocol has a deadline of its own, for joining again.
  if (member.state != MemberState::unrevoked_partitions || member.classic) {
    member.revocation_ends.reset();
  } else {
    member.revocation_ends = at.now + std::chrono::milliseconds(std::max(member.rebalance_timeout_ms, 0));
    due_at(*member.revocation_ends);
  }
  return changed;
}

void ConsumerGroup::set_current(ConsumerMember& member, MemberState state, std::int32_t epoch, GivenPartitions assigned,
                                GivenPartitions revoking) {
  member.state = state;
  member.previous_epoch = member.epoch;
  member.epoch = epoch;
  member.assigned = std::move(assigned);
  member.revoking = std::move(revoking);
}

/// The target stands, but topics that the member no longer wants must go at once.
void ConsumerGroup::drop_unsubscribed(ConsumerMember& member, const Owned& owned, const std::set<TopicId>& subscribed) {
  GivenPartitions assigned;
  GivenPartitions revoking = member.revoking;
  for (const auto& [topic, partitions] : member.assigned) {
    if (subscribed.contains(topic)) {
      assigned[topic] = partitions;
    } else {
      revoking[topic].insert(partitions.begin(), partitions.end());
    }
  }
  if (assigned.size() == member.assigned.size()) return;
  if (still_owns(owned, revoking)) {
    set_current(member, MemberState::unrevoked_partitions, member.epoch, std::move(assigned), std::move(revoking));
  } else {
    set_current(member, member.state, member.epoch, std::move(assigned), GivenPartitions(member.revoking));
  }
}

/// The next step towards the target. The member's own partitions are not claimed meanwhile.
void ConsumerGroup::advance(ConsumerMember& member, const Owned& owned, const std::set<TopicId>& subscribed) {
  GivenPartitions kept;
  GivenPartitions revoking;
  for (const auto& [topic, partitions] : member.assigned) {
    for (const auto& [partition, since] : partitions) {
      const bool keeps = subscribed.contains(topic) && member.target && contains(*member.target, topic, partition);
      (keeps ? kept : revoking)[topic].emplace(partition, since);
    }
  }
  if (!revoking.empty() && still_owns(owned, revoking)) {
    // It stays in its epoch until it has given these up.
    return set_current(member, MemberState::unrevoked_partitions, member.epoch, std::move(kept), std::move(revoking));
  }
  bool waits = false;
  if (member.target) {
    for (const auto& [topic, partitions] : *member.target) {
      if (!subscribed.contains(topic)) continue;
      for (const PartitionIndex partition : partitions) {
        if (contains(kept, topic, partition)) continue;
        if (owner_of(topic, partition) != nullptr && !canary(Canary::assigned_while_held)) {
          waits = true;
        } else {
          kept[topic].emplace(partition, assignment_epoch_);
        }
      }
    }
  }
  set_current(member, waits ? MemberState::unreleased_partitions : MemberState::stable, assignment_epoch_,
              std::move(kept), {});
}

}  // namespace chronik::coord
