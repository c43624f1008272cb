// Fetch: record batches to read, with fetch sessions (KIP-227).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/messages/leader_hint.h"
#include "wire/types.h"

namespace chronik::wire {

struct FetchResponse;

struct FetchRequest {
  static constexpr Schema kSchema = api_schema("FetchRequest", ApiKey::fetch);
  using Response = FetchResponse;

  struct ReplicaState {
    BrokerId replica_id{-1};
    std::int64_t replica_epoch = -1;

    bool operator==(const ReplicaState&) const = default;
  };

  struct Partition {
    PartitionIndex partition;
    LeaderEpoch current_leader_epoch{-1};
    Offset fetch_offset;
    LeaderEpoch last_fetched_epoch{-1};
    LogStartOffset log_start_offset{-1};
    std::int32_t partition_max_bytes = 0;
    Uuid replica_directory_id;
    HighWatermark high_watermark{INT64_MAX};
  };

  struct Topic {
    std::string topic;
    TopicId topic_id;
    std::vector<Partition> partitions;
  };

  struct ForgottenTopic {
    std::string topic;
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;
  };

  std::optional<std::string> cluster_id;
  BrokerId replica_id{-1};
  ReplicaState replica_state;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = INT32_MAX;
  IsolationLevel isolation_level = IsolationLevel::read_uncommitted;
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;
  std::vector<Topic> topics;
  std::vector<ForgottenTopic> forgotten_topics_data;
  std::string rack_id;
};

struct FetchResponse {
  static constexpr Schema kSchema = api_schema("FetchResponse", ApiKey::fetch);

  struct EpochEndOffset {
    LeaderEpoch epoch{-1};
    Offset end_offset{-1};

    bool operator==(const EpochEndOffset&) const = default;
  };

  struct SnapshotId {
    Offset end_offset{-1};
    LeaderEpoch epoch{-1};

    bool operator==(const SnapshotId&) const = default;
  };

  struct AbortedTransaction {
    ProducerId producer_id;
    Offset first_offset;
  };

  struct PartitionData {
    PartitionIndex partition_index;
    ErrorCode error_code = ErrorCode::none;
    HighWatermark high_watermark;
    LastStableOffset last_stable_offset{-1};
    LogStartOffset log_start_offset{-1};
    EpochEndOffset diverging_epoch;
    LeaderIdAndEpoch current_leader;
    SnapshotId snapshot_id;
    std::optional<std::vector<AbortedTransaction>> aborted_transactions;
    BrokerId preferred_read_replica{-1};
    Records records;
  };

  struct TopicResponse {
    std::string topic;
    TopicId topic_id;
    std::vector<PartitionData> partitions;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int32_t session_id = 0;
  std::vector<TopicResponse> responses;
  std::vector<NodeEndpoint> node_endpoints;
};

}  // namespace chronik::wire
