#include "coord/consumer_member.h"

namespace chronik::coord {

namespace {
// Map and set nodes with allocator overhead.
constexpr std::size_t kMemberOverhead = 256;
constexpr std::size_t kTopicNode = 112;
constexpr std::size_t kPartitionNode = 48;

template <class Partitions>
std::size_t footprint_of(const Partitions& by_topic) {
  std::size_t bytes = 0;
  for (const auto& [topic, partitions] : by_topic) bytes += kTopicNode + kPartitionNode * partitions.size();
  return bytes;
}
}  // namespace

bool ConsumerMember::same_metadata(const ConsumerMember& other) const {
  return instance_id == other.instance_id && rack_id == other.rack_id && client_id == other.client_id &&
         client_host == other.client_host && topics == other.topics && regex == other.regex &&
         rebalance_timeout_ms == other.rebalance_timeout_ms && assignor == other.assignor && classic == other.classic;
}

std::optional<Instant> ConsumerMember::earliest_end() const {
  std::optional<Instant> earliest;
  for (const auto& end : {session_ends, revocation_ends, join_ends, sync_ends}) {
    if (end && (!earliest || *end < *earliest)) earliest = end;
  }
  return earliest;
}

std::size_t ConsumerMember::footprint() const {
  std::size_t bytes = sizeof(ConsumerMember) + kMemberOverhead + 2 * id.size() + client_id.size() + client_host.size() +
                      regex.size() + (instance_id ? 2 * instance_id->size() : 0) + (rack_id ? rack_id->size() : 0);
  for (const std::string& topic : topics) bytes += kTopicNode + topic.size();
  if (classic) {
    for (const auto& protocol : classic->supported_protocols) {
      bytes += sizeof(protocol) + protocol.name.size() + protocol.metadata.size();
    }
  }
  if (target) bytes += footprint_of(*target);
  // What a member has also stands in the group's table of owners.
  return bytes + 2 * footprint_of(assigned) + 2 * footprint_of(revoking);
}

bool contains(const PartitionSet& set, TopicId topic, PartitionIndex partition) {
  const auto at = set.find(topic);
  return at != set.end() && at->second.contains(partition);
}

bool contains(const GivenPartitions& given, TopicId topic, PartitionIndex partition) {
  const auto at = given.find(topic);
  return at != given.end() && at->second.contains(partition);
}

PartitionSet without_epochs(const GivenPartitions& given) {
  PartitionSet set;
  for (const auto& [topic, partitions] : given) {
    for (const auto& [partition, epoch] : partitions) set[topic].insert(partition);
  }
  return set;
}

}  // namespace chronik::coord
