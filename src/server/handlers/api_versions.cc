// ApiVersions: made from the handler table alone. An unknown version is answered in version 0 with UNSUPPORTED_VERSION
// and the ranges (KIP-511).
#include "server/handlers.h"
#include "server/handlers/handle.h"

namespace chronik::server {

task::Task<wire::ApiVersionsResponse> handle_api_versions(RequestContext& context, wire::ApiVersionsRequest request) {
  wire::ApiVersionsResponse response;
  response.api_keys = all_handlers().advertised();
  const auto legal = [](const std::string& text) {
    // KIP-511: letters, digits, '.' and '-', beginning and ending with a letter or digit.
    if (text.empty()) return false;
    for (const char c : text) {
      const bool ok =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
      if (!ok) return false;
    }
    return text.front() != '.' && text.front() != '-' && text.back() != '.' && text.back() != '-';
  };
  constexpr std::int16_t kSoftwareNameSince = 3;
  if (context.version() >= kSoftwareNameSince &&
      (!legal(request.client_software_name) || !legal(request.client_software_version))) {
    response.error_code = wire::ErrorCode::invalid_request;
    response.api_keys.clear();
  }
  co_return response;
}

}  // namespace chronik::server
