// The fields of ConsumerGroupHeartbeat requests and responses, by version.
#include "wire/messages/consumer_group_heartbeat.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ConsumerGroupHeartbeatRequest::TopicPartitions& m) {
  v.field("topic_id", m.topic_id);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ConsumerGroupHeartbeatRequest& m) {
  v.field("group_id", m.group_id);
  v.field("member_id", m.member_id);
  v.field("member_epoch", m.member_epoch);
  v.field("instance_id", m.instance_id, {.nullable = 0});
  v.field("rack_id", m.rack_id, {.nullable = 0});
  v.field("rebalance_timeout_ms", m.rebalance_timeout_ms);
  v.field("subscribed_topic_names", m.subscribed_topic_names, {.nullable = 0});
  v.field("subscribed_topic_regex", m.subscribed_topic_regex, {.since = 1, .nullable = 1});
  v.field("server_assignor", m.server_assignor, {.nullable = 0});
  v.field("topic_partitions", m.topic_partitions, {.nullable = 0});
}

CHRONIK_WIRE_INSTANTIATE(ConsumerGroupHeartbeatRequest);

template <class V>
void describe(V& v, ConsumerGroupHeartbeatResponse::TopicPartitions& m) {
  v.field("topic_id", m.topic_id);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ConsumerGroupHeartbeatResponse::Assignment& m) {
  v.field("topic_partitions", m.topic_partitions);
}

template <class V>
void describe(V& v, ConsumerGroupHeartbeatResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
  v.field("member_id", m.member_id, {.nullable = 0});
  v.field("member_epoch", m.member_epoch);
  v.field("heartbeat_interval_ms", m.heartbeat_interval_ms);
  v.field("assignment", m.assignment, {.nullable = 0});
}

CHRONIK_WIRE_INSTANTIATE(ConsumerGroupHeartbeatResponse);

}  // namespace chronik::wire
