#include "coord/embedded_protocol.h"

#include <algorithm>

#include "wire/records/versioned.h"

namespace chronik::coord {

std::optional<wire::ConsumerProtocolSubscription> read_subscription(const Buffer& metadata) {
  auto read = wire::decode_versioned_or_newer<wire::ConsumerProtocolSubscription>(metadata);
  return read ? std::optional(*std::move(read)) : std::nullopt;
}

std::optional<PartitionSet> read_assignment(const Buffer& assignment, const Topics& topics) {
  PartitionSet set;
  if (assignment.empty()) return set;
  const auto read = wire::decode_versioned_or_newer<wire::ConsumerProtocolAssignment>(assignment);
  if (!read || (read->user_data && !read->user_data->empty())) return std::nullopt;
  for (const auto& named : read->assigned_partitions) {
    const auto topic = topics.find(named.topic);
    if (topic) set[topic->id].insert(named.partitions.begin(), named.partitions.end());
  }
  return set;
}

Buffer write_assignment(const PartitionSet& partitions, const Buffer& subscription, const Topics& topics) {
  wire::ConsumerProtocolAssignment assignment;
  for (const auto& [id, indexes] : partitions) {
    const auto topic = topics.find(id);
    if (topic) assignment.assigned_partitions.push_back({topic->name, {indexes.begin(), indexes.end()}});
  }
  const auto said = wire::leading_version(subscription);
  const std::int16_t version = std::clamp(said.value_or(0), wire::ConsumerProtocolAssignment::kSchema.min,
                                          wire::ConsumerProtocolAssignment::kSchema.max);
  auto bytes = wire::encode_versioned(assignment, version);
  return bytes ? *std::move(bytes) : Buffer();
}

}  // namespace chronik::coord
