// OffsetDelete: removes committed offsets of a group (KIP-496).
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

struct OffsetDeleteResponse;

struct OffsetDeleteRequest {
  static constexpr Schema kSchema = api_schema("OffsetDeleteRequest", ApiKey::offset_delete);
  using Response = OffsetDeleteResponse;

  struct Partition {
    PartitionIndex partition_index;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };

  std::string group_id;
  std::vector<Topic> topics;
};

struct OffsetDeleteResponse {
  static constexpr Schema kSchema = api_schema("OffsetDeleteResponse", ApiKey::offset_delete);

  struct Partition {
    PartitionIndex partition_index;
    ErrorCode error_code = ErrorCode::none;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };

  ErrorCode error_code = ErrorCode::none;
  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

}  // namespace chronik::wire
