// The fields of Metadata requests and responses, by version.
#include "wire/messages/metadata.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, MetadataRequest::Topic& m) {
  v.field("topic_id", m.topic_id, {.since = 10});
  v.field("name", m.name, {.nullable = 10});
}

template <class V>
void describe(V& v, MetadataRequest& m) {
  v.field("topics", m.topics, {.nullable = 1});
  v.field("allow_auto_topic_creation", m.allow_auto_topic_creation, {.since = 4});
  v.field("include_cluster_authorized_operations", m.include_cluster_authorized_operations, {.since = 8, .until = 10});
  v.field("include_topic_authorized_operations", m.include_topic_authorized_operations, {.since = 8});
}

CHRONIK_WIRE_INSTANTIATE(MetadataRequest);

template <class V>
void describe(V& v, MetadataResponse::Broker& m) {
  v.field("node_id", m.node_id);
  v.field("host", m.host);
  v.field("port", m.port);
  v.field("rack", m.rack, {.since = 1, .nullable = 1});
}

template <class V>
void describe(V& v, MetadataResponse::Partition& m) {
  v.field("error_code", m.error_code);
  v.field("partition_index", m.partition_index);
  v.field("leader_id", m.leader_id);
  v.field("leader_epoch", m.leader_epoch, {.since = 7});
  v.field("replica_nodes", m.replica_nodes);
  v.field("isr_nodes", m.isr_nodes);
  v.field("offline_replicas", m.offline_replicas, {.since = 5});
}

template <class V>
void describe(V& v, MetadataResponse::Topic& m) {
  v.field("error_code", m.error_code);
  v.field("name", m.name, {.nullable = 12});
  v.field("topic_id", m.topic_id, {.since = 10});
  v.field("is_internal", m.is_internal, {.since = 1});
  v.field("partitions", m.partitions);
  v.field("topic_authorized_operations", m.topic_authorized_operations, {.since = 8});
}

template <class V>
void describe(V& v, MetadataResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 3});
  v.field("brokers", m.brokers);
  v.field("cluster_id", m.cluster_id, {.since = 2, .nullable = 2});
  v.field("controller_id", m.controller_id, {.since = 1});
  v.field("topics", m.topics);
  v.field("cluster_authorized_operations", m.cluster_authorized_operations, {.since = 8, .until = 10});
  v.field("error_code", m.error_code, {.since = 13});
}

CHRONIK_WIRE_INSTANTIATE(MetadataResponse);

}  // namespace chronik::wire
