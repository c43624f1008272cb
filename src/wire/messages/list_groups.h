// ListGroups: the groups that a broker coordinates.
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

struct ListGroupsResponse;

struct ListGroupsRequest {
  static constexpr Schema kSchema = api_schema("ListGroupsRequest", ApiKey::list_groups);
  using Response = ListGroupsResponse;

  std::vector<std::string> states_filter;
  std::vector<std::string> types_filter;
};

struct ListGroupsResponse {
  static constexpr Schema kSchema = api_schema("ListGroupsResponse", ApiKey::list_groups);

  struct Group {
    std::string group_id;
    std::string protocol_type;
    std::string group_state;
    std::string group_type;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;
};

}  // namespace chronik::wire
