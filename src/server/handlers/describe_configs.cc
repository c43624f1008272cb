// DescribeConfigs: configurations of topics and of this broker, with where each value comes from.
#include <algorithm>

#include "server/handlers/alter_resources.h"
#include "server/handlers/common.h"
#include "server/handlers/handle_configs.h"

namespace chronik::server {

namespace {

using wire::ConfigResourceType;
using wire::ErrorCode;
using Request = wire::DescribeConfigsRequest;
using Answer = wire::DescribeConfigsResponse::ResourceResult;
using Rows = std::vector<meta::DescribedConfig>;

wire::DescribeConfigsResponse::Config to_wire(const meta::DescribedConfig& row, const Request& request) {
  wire::DescribeConfigsResponse::Config config;
  config.name = row.definition->name;
  if (!row.null) config.value = row.value;
  config.read_only = row.read_only;
  config.config_source = static_cast<wire::ConfigSource>(row.source);
  config.config_type = static_cast<wire::ConfigType>(row.definition->type);
  if (request.include_documentation) config.documentation = row.definition->documentation;
  if (!request.include_synonyms) return config;
  for (const auto& from : row.synonyms) {
    auto& synonym = config.synonyms.emplace_back();
    synonym.name = from.name;
    if (!from.null) synonym.value = from.value;
    synonym.source = static_cast<wire::ConfigSource>(from.source);
  }
  return config;
}

void add_rows(Answer& answer, const Rows& rows, const Request::Resource& resource, const Request& request) {
  const auto& keys = resource.configuration_keys;
  for (const meta::DescribedConfig& row : rows) {
    const bool wanted = !keys || keys->empty() || std::ranges::find(*keys, row.definition->name) != keys->end();
    if (wanted) answer.configs.push_back(to_wire(row, request));
  }
}

/// The defaults for all brokers: those that were set, and nothing else.
Rows describe_broker_defaults(const meta::Image& image) {
  Rows rows;
  for (const auto& [key, value] : image.broker_configs(meta::kEveryBroker)) {
    const meta::ConfigDefinition* const definition = meta::find_broker_definition(key);
    if (!definition) continue;
    meta::DescribedConfig& row = rows.emplace_back();
    row.definition = definition;
    row.value = value;
    row.source = meta::ConfigSource::dynamic_default_broker;
    row.read_only = !definition->dynamic;
    row.synonyms.push_back({key, value, false, meta::ConfigSource::dynamic_default_broker});
  }
  return rows;
}

void describe_one(ShardServer& server, const Request::Resource& resource, const Request& request, Answer& answer) {
  const meta::ImagePtr image = server.view().image();
  const std::string& name = resource.resource_name;
  switch (resource.resource_type) {
    case ConfigResourceType::topic: {
      if (const auto bad_name = meta::topic_name_problem(name)) {
        return refuse(answer, ErrorCode::invalid_topic_exception, *bad_name);
      }
      const meta::TopicPtr topic = image->find(name);
      if (!topic) return refuse(answer, ErrorCode::unknown_topic_or_partition, "Topic '" + name + "' does not exist.");
      return add_rows(answer, meta::describe_topic(server.view().broker(), topic->configs), resource, request);
    }
    case ConfigResourceType::broker: {
      const auto broker = broker_of(server.identity().node_id, name);
      if (!broker) return refuse(answer, broker.error().error, broker.error().message);
      const bool defaults = *broker == meta::kEveryBroker;
      return add_rows(answer,
                      defaults ? describe_broker_defaults(*image) : meta::describe_broker(server.view().broker()),
                      resource, request);
    }
    default:
      return refuse(answer, ErrorCode::invalid_request,
                    "Unsupported resource type: " + std::to_string(static_cast<int>(resource.resource_type)));
  }
}

}  // namespace

task::Task<wire::DescribeConfigsResponse> handle_describe_configs(RequestContext& context,
                                                                  wire::DescribeConfigsRequest request) {
  wire::DescribeConfigsResponse response;
  for (const auto& resource : request.resources) {
    Answer& answer = response.results.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    answer.error_message = "";  // as Kafka says that all is well
    describe_one(context.server, resource, request, answer);
  }
  co_return response;
}

}  // namespace chronik::server
