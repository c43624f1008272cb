// The fields of CreatePartitions requests and responses, by version.
#include "wire/messages/create_partitions.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, CreatePartitionsRequest::Assignment& m) {
  v.field("broker_ids", m.broker_ids);
}

template <class V>
void describe(V& v, CreatePartitionsRequest::Topic& m) {
  v.field("name", m.name);
  v.field("count", m.count);
  v.field("assignments", m.assignments, {.nullable = 0});
}

template <class V>
void describe(V& v, CreatePartitionsRequest& m) {
  v.field("topics", m.topics);
  v.field("timeout_ms", m.timeout_ms);
  v.field("validate_only", m.validate_only);
}

CHRONIK_WIRE_INSTANTIATE(CreatePartitionsRequest);

template <class V>
void describe(V& v, CreatePartitionsResponse::TopicResult& m) {
  v.field("name", m.name);
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
}

template <class V>
void describe(V& v, CreatePartitionsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("results", m.results);
}

CHRONIK_WIRE_INSTANTIATE(CreatePartitionsResponse);

}  // namespace chronik::wire
