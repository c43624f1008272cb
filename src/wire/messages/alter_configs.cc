// The fields of AlterConfigs requests and responses, by version.
#include "wire/messages/alter_configs.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, AlterConfigsRequest::Config& m) {
  v.field("name", m.name);
  v.field("value", m.value, {.nullable = 0});
}

template <class V>
void describe(V& v, AlterConfigsRequest::Resource& m) {
  v.field("resource_type", m.resource_type);
  v.field("resource_name", m.resource_name);
  v.field("configs", m.configs);
}

template <class V>
void describe(V& v, AlterConfigsRequest& m) {
  v.field("resources", m.resources);
  v.field("validate_only", m.validate_only);
}

CHRONIK_WIRE_INSTANTIATE(AlterConfigsRequest);

template <class V>
void describe(V& v, AlterConfigsResponse::ResourceResponse& m) {
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
  v.field("resource_type", m.resource_type);
  v.field("resource_name", m.resource_name);
}

template <class V>
void describe(V& v, AlterConfigsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("responses", m.responses);
}

CHRONIK_WIRE_INSTANTIATE(AlterConfigsResponse);

}  // namespace chronik::wire
