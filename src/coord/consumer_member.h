// One member of a group of the new consumer protocol (KIP-848), as the coordinator knows it: what it said, what it is
// to have (target), and what it has.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/time.h"
#include "wire/records/consumer_group_records.h"

namespace chronik::coord {

using PartitionSet = std::map<TopicId, std::set<PartitionIndex>>;
/// For each partition the member epoch at which it was given out.
using GivenPartitions = std::map<TopicId, std::map<PartitionIndex, std::int32_t>>;

// Member epochs that say something else.
inline constexpr std::int32_t kJoinEpoch = 0;
inline constexpr std::int32_t kLeaveEpoch = -1;
inline constexpr std::int32_t kStaticLeaveEpoch = -2;  // a static member is away, and its place is kept

/// Numbers as in Kafka's records.
enum class MemberState : std::int8_t {
  stable = 0,
  unrevoked_partitions = 1,   // must give up partitions first
  unreleased_partitions = 2,  // waits for others to give up theirs
  unknown = 127,
};

struct ConsumerMember {
  using Classic = wire::ClassicMemberMetadata;

  std::string id;
  std::optional<std::string> instance_id = {};
  std::optional<std::string> rack_id = {};
  std::string client_id = {};
  std::string client_host = {};
  std::set<std::string, std::less<>> topics = {};  // subscribed to by name
  std::string regex = {};                          // and by expression; empty: none
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> assignor = {};
  std::optional<Classic> classic = {};  // set: it speaks the classic protocol

  std::optional<PartitionSet> target = {};

  std::int32_t epoch = 0;
  std::int32_t previous_epoch = -1;
  MemberState state = MemberState::stable;
  GivenPartitions assigned = {};
  GivenPartitions revoking = {};  // still counts as its own

  std::optional<Instant> session_ends = {};
  std::optional<Instant> revocation_ends = {};
  std::optional<Instant> join_ends = {};  // of the classic protocol: JoinGroup is due by then, or SyncGroup
  std::optional<Instant> sync_ends = {};
  std::size_t counted = 0;  // its part of the group's footprint

  bool same_metadata(const ConsumerMember& other) const;
  bool is_reconciled_to(std::int32_t target_epoch) const {
    return state == MemberState::stable && epoch == target_epoch;
  }
  /// The end of whatever the member is waited for.
  std::optional<Instant> earliest_end() const;
  /// Memory held, about.
  std::size_t footprint() const;
};

bool contains(const PartitionSet& set, TopicId topic, PartitionIndex partition);
bool contains(const GivenPartitions& given, TopicId topic, PartitionIndex partition);
PartitionSet without_epochs(const GivenPartitions& given);

}  // namespace chronik::coord
