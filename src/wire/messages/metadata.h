// Metadata: brokers, topics, partitions and their leaders.
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

struct MetadataResponse;

struct MetadataRequest {
  static constexpr Schema kSchema = api_schema("MetadataRequest", ApiKey::metadata);
  using Response = MetadataResponse;

  struct Topic {
    TopicId topic_id;
    std::optional<std::string> name;
  };

  std::optional<std::vector<Topic>> topics;  // null: all; in version 0, empty means all
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;
};

struct MetadataResponse {
  static constexpr Schema kSchema = api_schema("MetadataResponse", ApiKey::metadata);

  struct Broker {
    BrokerId node_id;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;
  };

  struct Partition {
    ErrorCode error_code = ErrorCode::none;
    PartitionIndex partition_index;
    BrokerId leader_id{-1};
    LeaderEpoch leader_epoch{-1};
    std::vector<BrokerId> replica_nodes;
    std::vector<BrokerId> isr_nodes;
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

  std::int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  BrokerId controller_id{-1};
  std::vector<Topic> topics;
  std::int32_t cluster_authorized_operations = kOperationsNotRequested;
  ErrorCode error_code = ErrorCode::none;
};

}  // namespace chronik::wire
