// DeleteRecords: advances the log start of partitions (KIP-107).
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

struct DeleteRecordsResponse;

struct DeleteRecordsRequest {
  static constexpr Schema kSchema = api_schema("DeleteRecordsRequest", ApiKey::delete_records);
  using Response = DeleteRecordsResponse;

  struct Partition {
    PartitionIndex partition_index;
    Offset offset;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
};

struct DeleteRecordsResponse {
  static constexpr Schema kSchema = api_schema("DeleteRecordsResponse", ApiKey::delete_records);

  struct PartitionResult {
    PartitionIndex partition_index;
    LogStartOffset low_watermark;
    ErrorCode error_code = ErrorCode::none;
  };

  struct TopicResult {
    std::string name;
    std::vector<PartitionResult> partitions;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TopicResult> topics;
};

}  // namespace chronik::wire
