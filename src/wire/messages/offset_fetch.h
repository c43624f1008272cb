// OffsetFetch: committed offsets; of several groups at once from version 8 on (KIP-709).
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

struct OffsetFetchResponse;

struct OffsetFetchRequest {
  static constexpr Schema kSchema = api_schema("OffsetFetchRequest", ApiKey::offset_fetch);
  using Response = OffsetFetchResponse;

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partition_indexes;
  };

  struct GroupTopic {
    std::string name;
    TopicId topic_id;
    std::vector<PartitionIndex> partition_indexes;
  };

  struct Group {
    std::string group_id;
    std::optional<std::string> member_id;
    std::int32_t member_epoch = -1;
    std::optional<std::vector<GroupTopic>> topics;
  };

  std::string group_id;
  std::optional<std::vector<Topic>> topics;
  std::vector<Group> groups;
  bool require_stable = false;
};

struct OffsetFetchResponse {
  static constexpr Schema kSchema = api_schema("OffsetFetchResponse", ApiKey::offset_fetch);

  struct Partition {
    PartitionIndex partition_index;
    Offset committed_offset{-1};  // -1: nothing committed
    LeaderEpoch committed_leader_epoch{-1};
    std::optional<std::string> metadata;
    ErrorCode error_code = ErrorCode::none;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };

  struct GroupTopic {
    std::string name;
    TopicId topic_id;
    std::vector<Partition> partitions;
  };

  struct Group {
    std::string group_id;
    std::vector<GroupTopic> topics;
    ErrorCode error_code = ErrorCode::none;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;
};

}  // namespace chronik::wire
