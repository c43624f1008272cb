// DescribeConfigs: effective configuration, with its sources.
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

struct DescribeConfigsResponse;

struct DescribeConfigsRequest {
  static constexpr Schema kSchema = api_schema("DescribeConfigsRequest", ApiKey::describe_configs);
  using Response = DescribeConfigsResponse;

  struct Resource {
    ConfigResourceType resource_type = ConfigResourceType::unknown;
    std::string resource_name;
    std::optional<std::vector<std::string>> configuration_keys;
  };

  std::vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;
};

struct DescribeConfigsResponse {
  static constexpr Schema kSchema = api_schema("DescribeConfigsResponse", ApiKey::describe_configs);

  struct Synonym {
    std::string name;
    std::optional<std::string> value;
    ConfigSource source = ConfigSource::unknown;
  };

  struct Config {
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    ConfigSource config_source = ConfigSource::unknown;
    bool is_sensitive = false;
    std::vector<Synonym> synonyms;
    ConfigType config_type = ConfigType::unknown;
    std::optional<std::string> documentation;
  };

  struct ResourceResult {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    ConfigResourceType resource_type = ConfigResourceType::unknown;
    std::string resource_name;
    std::vector<Config> configs;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<ResourceResult> results;
};

}  // namespace chronik::wire
