// OffsetForLeaderEpoch: where a leader epoch ends (KIP-101, KIP-320).
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

struct OffsetForLeaderEpochResponse;

struct OffsetForLeaderEpochRequest {
  static constexpr Schema kSchema = api_schema("OffsetForLeaderEpochRequest", ApiKey::offset_for_leader_epoch);
  using Response = OffsetForLeaderEpochResponse;

  struct Partition {
    PartitionIndex partition;
    LeaderEpoch current_leader_epoch{-1};
    LeaderEpoch leader_epoch;
  };

  struct Topic {
    std::string topic;
    std::vector<Partition> partitions;
  };

  BrokerId replica_id{-2};
  std::vector<Topic> topics;
};

struct OffsetForLeaderEpochResponse {
  static constexpr Schema kSchema = api_schema("OffsetForLeaderEpochResponse", ApiKey::offset_for_leader_epoch);

  struct EpochEndOffset {
    ErrorCode error_code = ErrorCode::none;
    PartitionIndex partition;
    LeaderEpoch leader_epoch{-1};
    Offset end_offset{-1};
  };

  struct TopicResult {
    std::string topic;
    std::vector<EpochEndOffset> partitions;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TopicResult> topics;
};

}  // namespace chronik::wire
