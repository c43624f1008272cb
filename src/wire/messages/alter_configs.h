// AlterConfigs: replaces the whole dynamic configuration of a resource.
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

struct AlterConfigsResponse;

struct AlterConfigsRequest {
  static constexpr Schema kSchema = api_schema("AlterConfigsRequest", ApiKey::alter_configs);
  using Response = AlterConfigsResponse;

  struct Config {
    std::string name;
    std::optional<std::string> value;
  };

  struct Resource {
    ConfigResourceType resource_type = ConfigResourceType::unknown;
    std::string resource_name;
    std::vector<Config> configs;
  };

  std::vector<Resource> resources;
  bool validate_only = false;
};

struct AlterConfigsResponse {
  static constexpr Schema kSchema = api_schema("AlterConfigsResponse", ApiKey::alter_configs);

  struct ResourceResponse {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    ConfigResourceType resource_type = ConfigResourceType::unknown;
    std::string resource_name;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<ResourceResponse> responses;
};

}  // namespace chronik::wire
