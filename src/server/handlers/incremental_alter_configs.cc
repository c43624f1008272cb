// IncrementalAlterConfigs: sets, removes, extends or shortens single configurations of a resource (KIP-339).
#include "server/handlers/alter_resources.h"
#include "server/handlers/common.h"
#include "server/handlers/handle_configs.h"

namespace chronik::server {

namespace {

std::optional<meta::ConfigOperation> to_operation(wire::ConfigOperation operation) {
  switch (operation) {
    case wire::ConfigOperation::set:
      return meta::ConfigOperation::set;
    case wire::ConfigOperation::remove:
      return meta::ConfigOperation::remove;
    case wire::ConfigOperation::append:
      return meta::ConfigOperation::append;
    case wire::ConfigOperation::subtract:
      return meta::ConfigOperation::subtract;
    default:
      return std::nullopt;
  }
}

AlteredResource to_resource(const wire::IncrementalAlterConfigsRequest::Resource& asked) {
  AlteredResource resource{asked.resource_type, asked.resource_name, {}, {}};
  std::string nulls;
  for (const auto& config : asked.configs) {
    const auto operation = to_operation(config.config_operation);
    if (!operation) {
      resource.problem = {wire::ErrorCode::invalid_request,
                          "Unknown operations type " + std::to_string(static_cast<int>(config.config_operation))};
      return resource;
    }
    if (!config.value && *operation != meta::ConfigOperation::remove) {
      nulls += (nulls.empty() ? "" : ", ") + config.name;
    }
    resource.changes.push_back({config.name, *operation, config.value.value_or("")});
  }
  if (!nulls.empty()) resource.problem = {wire::ErrorCode::invalid_request, "Null value not supported for : " + nulls};
  return resource;
}

}  // namespace

task::Task<wire::IncrementalAlterConfigsResponse> handle_incremental_alter_configs(
    RequestContext& context, wire::IncrementalAlterConfigsRequest request) {
  std::vector<AlteredResource> resources;
  for (const auto& asked : request.resources) resources.push_back(to_resource(asked));
  const auto outcomes = co_await alter_resources(context.server, std::move(resources), false, request.validate_only);
  wire::IncrementalAlterConfigsResponse response;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    auto& answer = response.responses.emplace_back();
    answer.resource_type = request.resources[i].resource_type;
    answer.resource_name = request.resources[i].resource_name;
    if (!outcomes[i].ok()) refuse(answer, outcomes[i].error, outcomes[i].message);
  }
  co_return response;
}

}  // namespace chronik::server
