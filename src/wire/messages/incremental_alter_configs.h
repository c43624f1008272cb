// IncrementalAlterConfigs: changes single configuration entries (KIP-339).
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

struct IncrementalAlterConfigsResponse;

struct IncrementalAlterConfigsRequest {
  static constexpr Schema kSchema = api_schema("IncrementalAlterConfigsRequest", ApiKey::incremental_alter_configs);
  using Response = IncrementalAlterConfigsResponse;

  struct Config {
    std::string name;
    ConfigOperation config_operation = ConfigOperation::set;
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

struct IncrementalAlterConfigsResponse {
  static constexpr Schema kSchema = api_schema("IncrementalAlterConfigsResponse", ApiKey::incremental_alter_configs);

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
