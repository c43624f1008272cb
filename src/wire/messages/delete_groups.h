// DeleteGroups: removes empty groups (KIP-229).
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

struct DeleteGroupsResponse;

struct DeleteGroupsRequest {
  static constexpr Schema kSchema = api_schema("DeleteGroupsRequest", ApiKey::delete_groups);
  using Response = DeleteGroupsResponse;

  std::vector<std::string> groups_names;
};

struct DeleteGroupsResponse {
  static constexpr Schema kSchema = api_schema("DeleteGroupsResponse", ApiKey::delete_groups);

  struct GroupResult {
    std::string group_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<GroupResult> results;
};

}  // namespace chronik::wire
