// Produce: record batches to append.
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

struct ProduceResponse;

struct ProduceRequest {
  static constexpr Schema kSchema = api_schema("ProduceRequest", ApiKey::produce);
  using Response = ProduceResponse;

  struct PartitionData {
    PartitionIndex index;
    Buffer records;
  };

  struct TopicData {
    std::string name;
    TopicId topic_id;
    std::vector<PartitionData> partition_data;
  };

  std::optional<std::string> transactional_id;
  std::int16_t acks = 0;
  std::int32_t timeout_ms = 0;
  std::vector<TopicData> topic_data;
};

struct ProduceResponse {
  static constexpr Schema kSchema = api_schema("ProduceResponse", ApiKey::produce);

  struct RecordError {
    std::int32_t batch_index = 0;
    std::optional<std::string> batch_index_error_message;
  };

  struct PartitionResponse {
    PartitionIndex index;
    ErrorCode error_code = ErrorCode::none;
    Offset base_offset{-1};
    UnixMillis log_append_time_ms{-1};
    LogStartOffset log_start_offset{-1};
    std::vector<RecordError> record_errors;
    std::optional<std::string> error_message;
    LeaderIdAndEpoch current_leader;
  };

  struct TopicResponse {
    std::string name;
    TopicId topic_id;
    std::vector<PartitionResponse> partition_responses;
  };

  std::vector<TopicResponse> responses;
  std::int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;
};

}  // namespace chronik::wire
