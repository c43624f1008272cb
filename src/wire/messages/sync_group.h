// SyncGroup: the leader hands out assignments, members fetch theirs.
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

struct SyncGroupResponse;

struct SyncGroupRequest {
  static constexpr Schema kSchema = api_schema("SyncGroupRequest", ApiKey::sync_group);
  using Response = SyncGroupResponse;

  struct Assignment {
    std::string member_id;
    Buffer assignment;
  };

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<Assignment> assignments;
};

struct SyncGroupResponse {
  static constexpr Schema kSchema = api_schema("SyncGroupResponse", ApiKey::sync_group);

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Buffer assignment;
};

}  // namespace chronik::wire
