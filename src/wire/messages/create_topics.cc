// The fields of CreateTopics requests and responses, by version.
#include "wire/messages/create_topics.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, CreateTopicsRequest::ReplicaAssignment& m) {
  v.field("partition_index", m.partition_index);
  v.field("broker_ids", m.broker_ids);
}

template <class V>
void describe(V& v, CreateTopicsRequest::Config& m) {
  v.field("name", m.name);
  v.field("value", m.value, {.nullable = 0});
}

template <class V>
void describe(V& v, CreateTopicsRequest::Topic& m) {
  v.field("name", m.name);
  v.field("num_partitions", m.num_partitions);
  v.field("replication_factor", m.replication_factor);
  v.field("assignments", m.assignments);
  v.field("configs", m.configs);
}

template <class V>
void describe(V& v, CreateTopicsRequest& m) {
  v.field("topics", m.topics);
  v.field("timeout_ms", m.timeout_ms);
  v.field("validate_only", m.validate_only);
}

CHRONIK_WIRE_INSTANTIATE(CreateTopicsRequest);

template <class V>
void describe(V& v, CreateTopicsResponse::Config& m) {
  v.field("name", m.name);
  v.field("value", m.value, {.nullable = 5});
  v.field("read_only", m.read_only);
  v.field("config_source", m.config_source);
  v.field("is_sensitive", m.is_sensitive);
}

template <class V>
void describe(V& v, CreateTopicsResponse::TopicResult& m) {
  v.field("name", m.name);
  v.field("topic_id", m.topic_id, {.since = 7});
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
  v.field("num_partitions", m.num_partitions, {.since = 5});
  v.field("replication_factor", m.replication_factor, {.since = 5});
  v.field("configs", m.configs, {.since = 5, .nullable = 5});
  v.tagged([&](auto& t) { t.tag(0, "topic_config_error_code", m.topic_config_error_code, 5); });
}

template <class V>
void describe(V& v, CreateTopicsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(CreateTopicsResponse);

}  // namespace chronik::wire
