// LeaveGroup: members leave a group; several at once from version 3 on (KIP-345).
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

struct LeaveGroupResponse;

struct LeaveGroupRequest {
  static constexpr Schema kSchema = api_schema("LeaveGroupRequest", ApiKey::leave_group);
  using Response = LeaveGroupResponse;

  struct MemberIdentity {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::optional<std::string> reason;
  };

  std::string group_id;
  std::string member_id;
  std::vector<MemberIdentity> members;
};

struct LeaveGroupResponse {
  static constexpr Schema kSchema = api_schema("LeaveGroupResponse", ApiKey::leave_group);

  struct MemberResponse {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    ErrorCode error_code = ErrorCode::none;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<MemberResponse> members;
};

}  // namespace chronik::wire
