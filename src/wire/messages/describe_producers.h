// DescribeProducers: the producers that a partition remembers (KIP-664).
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

struct DescribeProducersResponse;

struct DescribeProducersRequest {
  static constexpr Schema kSchema = api_schema("DescribeProducersRequest", ApiKey::describe_producers);
  using Response = DescribeProducersResponse;

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partition_indexes;
  };

  std::vector<Topic> topics;
};

struct DescribeProducersResponse {
  static constexpr Schema kSchema = api_schema("DescribeProducersResponse", ApiKey::describe_producers);

  struct Producer {
    ProducerId producer_id{-1};
    std::int32_t producer_epoch = -1;
    std::int32_t last_sequence = -1;
    UnixMillis last_timestamp{-1};
    std::int32_t coordinator_epoch = 0;
    Offset current_txn_start_offset{-1};
  };

  struct Partition {
    PartitionIndex partition_index;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::vector<Producer> active_producers;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

}  // namespace chronik::wire
