// ConsumerGroupHeartbeat: how members of the new consumer protocol join, stay in and leave their group (KIP-848).
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

struct ConsumerGroupHeartbeatResponse;

/// Null, or -1, where nothing changed since the last heartbeat.
struct ConsumerGroupHeartbeatRequest {
  static constexpr Schema kSchema = api_schema("ConsumerGroupHeartbeatRequest", ApiKey::consumer_group_heartbeat);
  using Response = ConsumerGroupHeartbeatResponse;

  struct TopicPartitions {
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;
  };

  std::string group_id;
  std::string member_id;
  std::int32_t member_epoch = 0;  // 0 joins, -1 leaves, -2: a static member leaves for a while
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::vector<std::string>> subscribed_topic_names;
  std::optional<std::string> subscribed_topic_regex;
  std::optional<std::string> server_assignor;
  std::optional<std::vector<TopicPartitions>> topic_partitions;
};

struct ConsumerGroupHeartbeatResponse {
  static constexpr Schema kSchema = api_schema("ConsumerGroupHeartbeatResponse", ApiKey::consumer_group_heartbeat);

  struct TopicPartitions {
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;
  };

  struct Assignment {
    std::vector<TopicPartitions> topic_partitions;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message;
  std::optional<std::string> member_id;
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::optional<Assignment> assignment;
};

}  // namespace chronik::wire
