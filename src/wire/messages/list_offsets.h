// ListOffsets: offsets by timestamp or by position (earliest, latest, ...).
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

struct ListOffsetsResponse;

struct ListOffsetsRequest {
  static constexpr Schema kSchema = api_schema("ListOffsetsRequest", ApiKey::list_offsets);
  using Response = ListOffsetsResponse;

  struct Partition {
    PartitionIndex partition_index;
    LeaderEpoch current_leader_epoch{-1};
    UnixMillis timestamp;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };

  BrokerId replica_id;
  IsolationLevel isolation_level = IsolationLevel::read_uncommitted;
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
};

struct ListOffsetsResponse {
  static constexpr Schema kSchema = api_schema("ListOffsetsResponse", ApiKey::list_offsets);

  struct PartitionResponse {
    PartitionIndex partition_index;
    ErrorCode error_code = ErrorCode::none;
    UnixMillis timestamp{-1};
    Offset offset{-1};
    LeaderEpoch leader_epoch{-1};
  };

  struct TopicResponse {
    std::string name;
    std::vector<PartitionResponse> partitions;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TopicResponse> topics;
};

}  // namespace chronik::wire
