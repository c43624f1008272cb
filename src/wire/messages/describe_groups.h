// DescribeGroups: state and members of classic groups.
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

struct DescribeGroupsResponse;

struct DescribeGroupsRequest {
  static constexpr Schema kSchema = api_schema("DescribeGroupsRequest", ApiKey::describe_groups);
  using Response = DescribeGroupsResponse;

  std::vector<std::string> groups;
  bool include_authorized_operations = false;
};

struct DescribeGroupsResponse {
  static constexpr Schema kSchema = api_schema("DescribeGroupsResponse", ApiKey::describe_groups);

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    Buffer member_metadata;
    Buffer member_assignment;
  };

  struct Group {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;
    std::string protocol_type;
    std::string protocol_data;
    std::vector<Member> members;
    std::int32_t authorized_operations = kOperationsNotRequested;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;
};

}  // namespace chronik::wire
