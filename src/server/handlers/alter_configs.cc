// AlterConfigs: replaces all overrides of a resource. Superseded by IncrementalAlterConfigs, but still used.
#include "server/handlers/alter_resources.h"
#include "server/handlers/common.h"
#include "server/handlers/handle_configs.h"

namespace chronik::server {

namespace {

AlteredResource to_resource(const wire::AlterConfigsRequest::Resource& asked) {
  AlteredResource resource{asked.resource_type, asked.resource_name, {}, {}};
  std::string nulls;
  for (const auto& config : asked.configs) {
    if (!config.value) nulls += (nulls.empty() ? "" : ", ") + config.name;
    resource.changes.push_back({config.name, meta::ConfigOperation::set, config.value.value_or("")});
  }
  if (!nulls.empty()) resource.problem = {wire::ErrorCode::invalid_request, "Null value not supported for : " + nulls};
  return resource;
}

}  // namespace

task::Task<wire::AlterConfigsResponse> handle_alter_configs(RequestContext& context,
                                                            wire::AlterConfigsRequest request) {
  std::vector<AlteredResource> resources;
  for (const auto& asked : request.resources) resources.push_back(to_resource(asked));
  const auto outcomes = co_await alter_resources(context.server, std::move(resources), true, request.validate_only);
  wire::AlterConfigsResponse response;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    auto& answer = response.responses.emplace_back();
    answer.resource_type = request.resources[i].resource_type;
    answer.resource_name = request.resources[i].resource_name;
    if (!outcomes[i].ok()) refuse(answer, outcomes[i].error, outcomes[i].message);
  }
  co_return response;
}

}  // namespace chronik::server
