// CreatePartitions: raises the partition count of topics (KIP-195).
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

struct CreatePartitionsResponse;

struct CreatePartitionsRequest {
  static constexpr Schema kSchema = api_schema("CreatePartitionsRequest", ApiKey::create_partitions);
  using Response = CreatePartitionsResponse;

  struct Assignment {
    std::vector<BrokerId> broker_ids;
  };

  struct Topic {
    std::string name;
    std::int32_t count = 0;
    std::optional<std::vector<Assignment>> assignments;
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;
};

struct CreatePartitionsResponse {
  static constexpr Schema kSchema = api_schema("CreatePartitionsResponse", ApiKey::create_partitions);

  struct TopicResult {
    std::string name;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TopicResult> results;
};

}  // namespace chronik::wire
