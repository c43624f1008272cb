// The fields of DescribeConfigs requests and responses, by version.
#include "wire/messages/describe_configs.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DescribeConfigsRequest::Resource& m) {
  v.field("resource_type", m.resource_type);
  v.field("resource_name", m.resource_name);
  v.field("configuration_keys", m.configuration_keys, {.nullable = 0});
}

template <class V>
void describe(V& v, DescribeConfigsRequest& m) {
  v.field("resources", m.resources);
  v.field("include_synonyms", m.include_synonyms);
  v.field("include_documentation", m.include_documentation, {.since = 3});
}

CHRONIK_WIRE_INSTANTIATE(DescribeConfigsRequest);

template <class V>
void describe(V& v, DescribeConfigsResponse::Synonym& m) {
  v.field("name", m.name);
  v.field("value", m.value, {.nullable = 0});
  v.field("source", m.source);
}

template <class V>
void describe(V& v, DescribeConfigsResponse::Config& m) {
  v.field("name", m.name);
  v.field("value", m.value, {.nullable = 0});
  v.field("read_only", m.read_only);
  v.field("config_source", m.config_source);
  v.field("is_sensitive", m.is_sensitive);
  v.field("synonyms", m.synonyms);
  v.field("config_type", m.config_type, {.since = 3});
  v.field("documentation", m.documentation, {.since = 3, .nullable = 0});
}

template <class V>
void describe(V& v, DescribeConfigsResponse::ResourceResult& m) {
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
  v.field("resource_type", m.resource_type);
  v.field("resource_name", m.resource_name);
  v.field("configs", m.configs);
}

template <class V>
void describe(V& v, DescribeConfigsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("results", m.results);
}

CHRONIK_WIRE_INSTANTIATE(DescribeConfigsResponse);

}  // namespace chronik::wire
