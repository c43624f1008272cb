// Server-side assignors (KIP-848): who is to have which partitions. Pure and deterministic.
//
// Every partition of a topic that somebody subscribes to is given to exactly one subscriber.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "coord/consumer_member.h"

namespace chronik::coord {

struct AssignmentInput {
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::vector<TopicId> topics;             // subscribed and existing, sorted
    const PartitionSet* previous = nullptr;  // its target so far
  };

  std::vector<Member> members;                 // sorted by id
  std::map<TopicId, std::int32_t> partitions;  // how many, of each subscribed topic
};

using Assignments = std::map<std::string, PartitionSet, std::less<>>;
using Assignor = Assignments (*)(const AssignmentInput&);

/// Balanced over all topics, and keeps what a member had as far as the balance allows. With equal subscriptions the
/// sizes differ by one at most.
Assignments assign_uniform(const AssignmentInput& input);
/// Topic by topic, in ranges over the members in order of instance id or member id: topics with equal numbers of
/// partitions and equal subscribers are assigned alike.
Assignments assign_range(const AssignmentInput& input);

/// By Kafka's name: "uniform", "range". Null if there is none.
Assignor find_assignor(std::string_view name);

}  // namespace chronik::coord
