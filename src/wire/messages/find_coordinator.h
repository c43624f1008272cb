// FindCoordinator: the broker that coordinates a group or transaction.
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

struct FindCoordinatorResponse;

struct FindCoordinatorRequest {
  static constexpr Schema kSchema = api_schema("FindCoordinatorRequest", ApiKey::find_coordinator);
  using Response = FindCoordinatorResponse;

  std::string key;
  CoordinatorType key_type = CoordinatorType::group;
  std::vector<std::string> coordinator_keys;
};

struct FindCoordinatorResponse {
  static constexpr Schema kSchema = api_schema("FindCoordinatorResponse", ApiKey::find_coordinator);

  struct Coordinator {
    std::string key;
    BrokerId node_id;
    std::string host;
    std::int32_t port = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message;
  BrokerId node_id;
  std::string host;
  std::int32_t port = 0;
  std::vector<Coordinator> coordinators;
};

}  // namespace chronik::wire
