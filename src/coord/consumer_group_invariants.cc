// What holds of a consumer group after every event; run by every test and inside the simulator.
#include "base/check.h"
#include "coord/consumer_group.h"

namespace chronik::coord {

void ConsumerGroup::check_invariants() const {
  std::size_t footprint = sizeof(ConsumerGroup) + 2 * id_.size();
  std::size_t owned = 0;
  std::size_t statics = 0;
  CHECK(assignment_epoch_ <= epoch_);
  for (const auto& [id, member] : members_) {
    CHECK(member.id == id && !id.empty());
    footprint += member.counted;
    CHECK(member.counted == member.footprint());
    CHECK(member.epoch >= kStaticLeaveEpoch && member.epoch <= assignment_epoch_);
    if (member.epoch == kStaticLeaveEpoch) CHECK(member.instance_id.has_value());
    if (member.instance_id) {
      ++statics;
      const auto known = static_members_.find(*member.instance_id);
      CHECK(known != static_members_.end() && known->second == id);
    }
    // A partition has one owner, also while it is given up; what a member has it got at an epoch that it has reached.
    for (const GivenPartitions* given : {&member.assigned, &member.revoking}) {
      for (const auto& [topic, partitions] : *given) {
        for (const auto& [partition, since] : partitions) {
          ++owned;
          CHECK(owner_of(topic, partition) == &member);
          CHECK(since <= assignment_epoch_);
        }
      }
    }
    for (const auto& [topic, partitions] : member.revoking) {
      for (const auto& [partition, since] : partitions) CHECK(!contains(member.assigned, topic, partition));
    }
    CHECK((member.state == MemberState::unrevoked_partitions) || member.revoking.empty());
    // Nobody is waited for without an end.
    const auto end = member.earliest_end();
    if (end) CHECK(earliest_ && *earliest_ <= *end);
    if (!member.classic) CHECK(!member.join_ends && !member.sync_ends);
  }
  std::size_t entries = 0;
  for (const auto& [topic, partitions] : owners_) entries += partitions.size();
  CHECK(entries == owned && statics == static_members_.size());
  for (const auto& [regex, found] : regexes_) {
    CHECK(is_used(regex));
    footprint += found.footprint();
  }
  CHECK(footprint == footprint_);
}

}  // namespace chronik::coord
