// What consumers put into JoinGroup and SyncGroup as opaque bytes: subscriptions and assignments of protocol type
// "consumer". A version newer than ours extends ours: read it with decode_versioned_or_newer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/types.h"

namespace chronik::wire {

struct ConsumerProtocolSubscription {
  static constexpr Schema kSchema{.name = "ConsumerProtocolSubscription", .min = 0, .max = 3};

  struct TopicPartitions {
    std::string topic;
    std::vector<PartitionIndex> partitions;
  };

  std::vector<std::string> topics;
  std::optional<Buffer> user_data;
  std::vector<TopicPartitions> owned_partitions;
  std::int32_t generation_id = -1;
  std::optional<std::string> rack_id;
};

struct ConsumerProtocolAssignment {
  static constexpr Schema kSchema{.name = "ConsumerProtocolAssignment", .min = 0, .max = 3};

  struct TopicPartitions {
    std::string topic;
    std::vector<PartitionIndex> partitions;
  };

  std::vector<TopicPartitions> assigned_partitions;
  std::optional<Buffer> user_data;
};

}  // namespace chronik::wire
