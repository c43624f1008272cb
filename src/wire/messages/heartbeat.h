// Heartbeat: a member of a classic group shows that it is alive.
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

struct HeartbeatResponse;

struct HeartbeatRequest {
  static constexpr Schema kSchema = api_schema("HeartbeatRequest", ApiKey::heartbeat);
  using Response = HeartbeatResponse;

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;
};

struct HeartbeatResponse {
  static constexpr Schema kSchema = api_schema("HeartbeatResponse", ApiKey::heartbeat);

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
};

}  // namespace chronik::wire
