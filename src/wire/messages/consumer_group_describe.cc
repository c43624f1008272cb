// The fields of ConsumerGroupDescribe requests and responses, by version.
#include "wire/messages/consumer_group_describe.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ConsumerGroupDescribeRequest& m) {
  v.field("group_ids", m.group_ids);
  v.field("include_authorized_operations", m.include_authorized_operations);
}

CHRONIK_WIRE_INSTANTIATE(ConsumerGroupDescribeRequest);

template <class V>
void describe(V& v, ConsumerGroupDescribeResponse::TopicPartitions& m) {
  v.field("topic_id", m.topic_id);
  v.field("topic_name", m.topic_name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ConsumerGroupDescribeResponse::Assignment& m) {
  v.field("topic_partitions", m.topic_partitions);
}

template <class V>
void describe(V& v, ConsumerGroupDescribeResponse::Member& m) {
  v.field("member_id", m.member_id);
  v.field("instance_id", m.instance_id, {.nullable = 0});
  v.field("rack_id", m.rack_id, {.nullable = 0});
  v.field("member_epoch", m.member_epoch);
  v.field("client_id", m.client_id);
  v.field("client_host", m.client_host);
  v.field("subscribed_topic_names", m.subscribed_topic_names);
  v.field("subscribed_topic_regex", m.subscribed_topic_regex, {.nullable = 0});
  v.field("assignment", m.assignment);
  v.field("target_assignment", m.target_assignment);
  v.field("member_type", m.member_type, {.since = 1});
}

template <class V>
void describe(V& v, ConsumerGroupDescribeResponse::Group& m) {
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
  v.field("group_id", m.group_id);
  v.field("group_state", m.group_state);
  v.field("group_epoch", m.group_epoch);
  v.field("assignment_epoch", m.assignment_epoch);
  v.field("assignor_name", m.assignor_name);
  v.field("members", m.members);
  v.field("authorized_operations", m.authorized_operations);
}

template <class V>
void describe(V& v, ConsumerGroupDescribeResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("groups", m.groups);
}

CHRONIK_WIRE_INSTANTIATE(ConsumerGroupDescribeResponse);

}  // namespace chronik::wire
