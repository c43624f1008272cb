// ApiVersions: which APIs, versions and features the broker serves (KIP-511, KIP-584).
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

struct ApiVersionsResponse;

struct ApiVersionsRequest {
  static constexpr Schema kSchema = api_schema("ApiVersionsRequest", ApiKey::api_versions);
  using Response = ApiVersionsResponse;

  std::string client_software_name;
  std::string client_software_version;
  std::optional<std::string> cluster_id;
  BrokerId node_id{-1};
};

struct ApiVersionsResponse {
  static constexpr Schema kSchema = api_schema("ApiVersionsResponse", ApiKey::api_versions);

  struct ApiVersion {
    ApiKey api_key = ApiKey::none;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;
  };

  struct SupportedFeatureKey {
    std::string name;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;
  };

  struct FinalizedFeatureKey {
    std::string name;
    std::int16_t max_version_level = 0;
    std::int16_t min_version_level = 0;
  };

  ErrorCode error_code = ErrorCode::none;
  std::vector<ApiVersion> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<SupportedFeatureKey> supported_features;
  std::int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeatureKey> finalized_features;
  bool zk_migration_ready = false;
};

}  // namespace chronik::wire
