// TxnOffsetCommit: progress of a consumer group, as part of a transaction (KIP-98, KIP-447).
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

struct TxnOffsetCommitResponse;

struct TxnOffsetCommitRequest {
  static constexpr Schema kSchema = api_schema("TxnOffsetCommitRequest", ApiKey::txn_offset_commit);
  using Response = TxnOffsetCommitResponse;

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

  std::string transactional_id;
  std::string group_id;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  std::int32_t generation_id_or_member_epoch = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::vector<Topic> topics;
};

struct TxnOffsetCommitResponse {
  static constexpr Schema kSchema = api_schema("TxnOffsetCommitResponse", ApiKey::txn_offset_commit);

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
