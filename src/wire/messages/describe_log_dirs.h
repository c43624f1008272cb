// DescribeLogDirs: log directories and the partitions in them (KIP-113).
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

struct DescribeLogDirsResponse;

struct DescribeLogDirsRequest {
  static constexpr Schema kSchema = api_schema("DescribeLogDirsRequest", ApiKey::describe_log_dirs);
  using Response = DescribeLogDirsResponse;

  struct Topic {
    std::string topic;
    std::vector<PartitionIndex> partitions;
  };

  std::optional<std::vector<Topic>> topics;
};

struct DescribeLogDirsResponse {
  static constexpr Schema kSchema = api_schema("DescribeLogDirsResponse", ApiKey::describe_log_dirs);

  struct Partition {
    PartitionIndex partition_index;
    std::int64_t partition_size = 0;
    std::int64_t offset_lag = 0;
    bool is_future_key = false;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };

  struct LogDir {
    ErrorCode error_code = ErrorCode::none;
    std::string log_dir;
    std::vector<Topic> topics;
    std::int64_t total_bytes = -1;
    std::int64_t usable_bytes = -1;
    bool is_cordoned = false;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<LogDir> results;
};

}  // namespace chronik::wire
