// The fields of Produce requests and responses, by version.
#include "wire/messages/produce.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ProduceRequest::PartitionData& m) {
  v.field("index", m.index);
  v.field("records", m.records);
}

template <class V>
void describe(V& v, ProduceRequest::TopicData& m) {
  v.field("name", m.name, {.until = 12});
  v.field("topic_id", m.topic_id, {.since = 13});
  v.field("partition_data", m.partition_data);
}

template <class V>
void describe(V& v, ProduceRequest& m) {
  v.field("transactional_id", m.transactional_id, {.nullable = 3});
  v.field("acks", m.acks);
  v.field("timeout_ms", m.timeout_ms);
  v.field("topic_data", m.topic_data);
}

CHRONIK_WIRE_INSTANTIATE(ProduceRequest);

template <class V>
void describe(V& v, ProduceResponse::RecordError& m) {
  v.field("batch_index", m.batch_index);
  v.field("batch_index_error_message", m.batch_index_error_message, {.nullable = 8});
}

template <class V>
void describe(V& v, ProduceResponse::PartitionResponse& m) {
  v.field("index", m.index);
  v.field("error_code", m.error_code);
  v.field("base_offset", m.base_offset);
  v.field("log_append_time_ms", m.log_append_time_ms);
  v.field("log_start_offset", m.log_start_offset, {.since = 5});
  v.field("record_errors", m.record_errors, {.since = 8});
  v.field("error_message", m.error_message, {.since = 8, .nullable = 8});
  v.tagged([&](auto& t) { t.tag(0, "current_leader", m.current_leader, 10); });
}

template <class V>
void describe(V& v, ProduceResponse::TopicResponse& m) {
  v.field("name", m.name, {.until = 12});
  v.field("topic_id", m.topic_id, {.since = 13});
  v.field("partition_responses", m.partition_responses);
}

template <class V>
void describe(V& v, ProduceResponse& m) {
  v.field("responses", m.responses);
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.tagged([&](auto& t) { t.tag(0, "node_endpoints", m.node_endpoints, 10); });
}

CHRONIK_WIRE_INSTANTIATE(ProduceResponse);

}  // namespace chronik::wire
