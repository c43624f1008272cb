// JoinGroup: a member enters a group or its next generation.
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

struct JoinGroupResponse;

struct JoinGroupRequest {
  static constexpr Schema kSchema = api_schema("JoinGroupRequest", ApiKey::join_group);
  using Response = JoinGroupResponse;

  struct Protocol {
    std::string name;
    Buffer metadata;
  };

  std::string group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string protocol_type;
  std::vector<Protocol> protocols;
  std::optional<std::string> reason;
};

struct JoinGroupResponse {
  static constexpr Schema kSchema = api_schema("JoinGroupResponse", ApiKey::join_group);

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    Buffer metadata;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<Member> members;
};

}  // namespace chronik::wire
