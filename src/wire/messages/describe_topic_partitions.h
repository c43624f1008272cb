// DescribeTopicPartitions: topics in pages (KIP-966).
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

struct DescribeTopicPartitionsResponse;

struct DescribeTopicPartitionsRequest {
  static constexpr Schema kSchema = api_schema("DescribeTopicPartitionsRequest", ApiKey::describe_topic_partitions);
  using Response = DescribeTopicPartitionsResponse;

  struct Topic {
    std::string name;
  };

  struct Cursor {
    std::string topic_name;
    PartitionIndex partition_index;
  };

  std::vector<Topic> topics;
  std::int32_t response_partition_limit = 2000;
  std::optional<Cursor> cursor;
};

struct DescribeTopicPartitionsResponse {
  static constexpr Schema kSchema = api_schema("DescribeTopicPartitionsResponse", ApiKey::describe_topic_partitions);

  struct Partition {
    ErrorCode error_code = ErrorCode::none;
    PartitionIndex partition_index;
    BrokerId leader_id{-1};
    LeaderEpoch leader_epoch{-1};
    std::vector<BrokerId> replica_nodes;
    std::vector<BrokerId> isr_nodes;
    std::optional<std::vector<BrokerId>> eligible_leader_replicas;
    std::optional<std::vector<BrokerId>> last_known_elr;
    std::vector<BrokerId> offline_replicas;
  };

  struct Topic {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> name;
    TopicId topic_id;
    bool is_internal = false;
    std::vector<Partition> partitions;
    std::int32_t topic_authorized_operations = kOperationsNotRequested;
  };

  struct Cursor {
    std::string topic_name;
    PartitionIndex partition_index;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  std::optional<Cursor> next_cursor;
};

}  // namespace chronik::wire
