// The fields of DeleteTopics requests and responses, by version.
#include "wire/messages/delete_topics.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DeleteTopicsRequest::Topic& m) {
  v.field("name", m.name, {.nullable = 6});
  v.field("topic_id", m.topic_id);
}

template <class V>
void describe(V& v, DeleteTopicsRequest& m) {
  v.field("topics", m.topics, {.since = 6});
  v.field("topic_names", m.topic_names, {.until = 5});
  v.field("timeout_ms", m.timeout_ms);
}

CHRONIK_WIRE_INSTANTIATE(DeleteTopicsRequest);

template <class V>
void describe(V& v, DeleteTopicsResponse::TopicResult& m) {
  v.field("name", m.name, {.nullable = 6});
  v.field("topic_id", m.topic_id, {.since = 6});
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.since = 5, .nullable = 5});
}

template <class V>
void describe(V& v, DeleteTopicsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("responses", m.responses);
}

CHRONIK_WIRE_INSTANTIATE(DeleteTopicsResponse);

}  // namespace chronik::wire
