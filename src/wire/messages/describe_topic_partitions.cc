// The fields of DescribeTopicPartitions requests and responses, by version.
#include "wire/messages/describe_topic_partitions.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DescribeTopicPartitionsRequest::Topic& m) {
  v.field("name", m.name);
}

template <class V>
void describe(V& v, DescribeTopicPartitionsRequest::Cursor& m) {
  v.field("topic_name", m.topic_name);
  v.field("partition_index", m.partition_index);
}

template <class V>
void describe(V& v, DescribeTopicPartitionsRequest& m) {
  v.field("topics", m.topics);
  v.field("response_partition_limit", m.response_partition_limit);
  v.field("cursor", m.cursor, {.nullable = 0});
}

CHRONIK_WIRE_INSTANTIATE(DescribeTopicPartitionsRequest);

template <class V>
void describe(V& v, DescribeTopicPartitionsResponse::Partition& m) {
  v.field("error_code", m.error_code);
  v.field("partition_index", m.partition_index);
  v.field("leader_id", m.leader_id);
  v.field("leader_epoch", m.leader_epoch);
  v.field("replica_nodes", m.replica_nodes);
  v.field("isr_nodes", m.isr_nodes);
  v.field("eligible_leader_replicas", m.eligible_leader_replicas, {.nullable = 0});
  v.field("last_known_elr", m.last_known_elr, {.nullable = 0});
  v.field("offline_replicas", m.offline_replicas);
}

template <class V>
void describe(V& v, DescribeTopicPartitionsResponse::Topic& m) {
  v.field("error_code", m.error_code);
  v.field("name", m.name, {.nullable = 0});
  v.field("topic_id", m.topic_id);
  v.field("is_internal", m.is_internal);
  v.field("partitions", m.partitions);
  v.field("topic_authorized_operations", m.topic_authorized_operations);
}

template <class V>
void describe(V& v, DescribeTopicPartitionsResponse::Cursor& m) {
  v.field("topic_name", m.topic_name);
  v.field("partition_index", m.partition_index);
}

template <class V>
void describe(V& v, DescribeTopicPartitionsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("topics", m.topics);
  v.field("next_cursor", m.next_cursor, {.nullable = 0});
}

CHRONIK_WIRE_INSTANTIATE(DescribeTopicPartitionsResponse);

}  // namespace chronik::wire
