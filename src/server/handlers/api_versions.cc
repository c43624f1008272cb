// ApiVersions: made from the handler table alone. An unknown version is answered in version 0 with UNSUPPORTED_VERSION
// and the ranges (KIP-511).
#include <algorithm>
#include <array>

#include "server/handlers.h"
#include "server/handlers/common.h"
#include "server/handlers/handle.h"

namespace chronik::server {

namespace {

/// Features of the cluster (KIP-584) that clients look at; all in force.
struct Feature {
  const char* name;
  std::int16_t min;
  std::int16_t max;
};
constexpr auto kFeatures = std::to_array<Feature>({
    {"group.version", 0, 1},        // KIP-848: the new consumer protocol
    {"transaction.version", 0, 2},  // KIP-890: an epoch for every transaction
});

constexpr std::int16_t kFeatureZeroSince = 4;  // KIP-1022

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// KIP-511: letters, digits, '.' and '-', beginning and ending with a letter or digit.
bool is_legal(const std::string& text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '.' || c == '-'; });
}

wire::ErrorCode check(const RequestContext& context, const wire::ApiVersionsRequest& request) {
  constexpr std::int16_t kSoftwareNameSince = 3;
  constexpr std::int16_t kDestinationSince = 5;
  if (context.version() >= kSoftwareNameSince &&
      (!is_legal(request.client_software_name) || !is_legal(request.client_software_version))) {
    return wire::ErrorCode::invalid_request;
  }
  // KIP-1242: a client that means another cluster or node was led here by stale addresses.
  const BrokerIdentity& self = context.server.identity();
  const bool elsewhere = (request.cluster_id && *request.cluster_id != self.cluster_id) ||
                         (request.node_id.value() >= 0 && request.node_id != self.node_id);
  if (context.version() >= kDestinationSince && elsewhere) return wire::ErrorCode::rebootstrap_required;
  return wire::ErrorCode::none;
}

}  // namespace

task::Task<wire::ApiVersionsResponse> handle_api_versions(RequestContext& context, wire::ApiVersionsRequest request) {
  wire::ApiVersionsResponse response;
  response.error_code = check(context, request);
  if (response.error_code != wire::ErrorCode::none) co_return response;
  response.api_keys = all_handlers().advertised();
  for (const Feature& feature : kFeatures) {
    // Older clients cannot read a feature that begins at 0.
    const bool readable = feature.min > 0 || context.version() >= kFeatureZeroSince;
    if (readable) response.supported_features.push_back({feature.name, feature.min, feature.max});
    response.finalized_features.push_back({feature.name, feature.max, feature.max});
  }
  response.finalized_features_epoch = 0;
  co_return response;
}

}  // namespace chronik::server
