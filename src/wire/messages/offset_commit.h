// OffsetCommit: progress of a consumer group.
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

struct OffsetCommitResponse;

struct OffsetCommitRequest {
  static constexpr Schema kSchema = api_schema("OffsetCommitRequest", ApiKey::offset_commit);
  using Response = OffsetCommitResponse;

  struct Partition {
    PartitionIndex partition_index;
    Offset committed_offset;
    LeaderEpoch committed_leader_epoch{-1};
    std::optional<std::string> committed_metadata;
  };

  struct Topic {
    std::string name;
    TopicId topic_id;
    std::vector<Partition> partitions;
  };

  std::string group_id;
  std::int32_t generation_id_or_member_epoch = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::int64_t retention_time_ms = -1;
  std::vector<Topic> topics;
};

struct OffsetCommitResponse {
  static constexpr Schema kSchema = api_schema("OffsetCommitResponse", ApiKey::offset_commit);

  struct Partition {
    PartitionIndex partition_index;
    ErrorCode error_code = ErrorCode::none;
  };

  struct Topic {
    std::string name;
    TopicId topic_id;
    std::vector<Partition> partitions;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

}  // namespace chronik::wire
