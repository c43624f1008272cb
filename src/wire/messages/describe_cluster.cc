// The fields of DescribeCluster requests and responses, by version.
#include "wire/messages/describe_cluster.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DescribeClusterRequest& m) {
  v.field("include_cluster_authorized_operations", m.include_cluster_authorized_operations);
  v.field("endpoint_type", m.endpoint_type, {.since = 1});
  v.field("include_fenced_brokers", m.include_fenced_brokers, {.since = 2});
}

CHRONIK_WIRE_INSTANTIATE(DescribeClusterRequest);

template <class V>
void describe(V& v, DescribeClusterResponse::Broker& m) {
  v.field("broker_id", m.broker_id);
  v.field("host", m.host);
  v.field("port", m.port);
  v.field("rack", m.rack, {.nullable = 0});
  v.field("is_fenced", m.is_fenced, {.since = 2});
}

template <class V>
void describe(V& v, DescribeClusterResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
  v.field("endpoint_type", m.endpoint_type, {.since = 1});
  v.field("cluster_id", m.cluster_id);
  v.field("controller_id", m.controller_id);
  v.field("brokers", m.brokers);
  v.field("cluster_authorized_operations", m.cluster_authorized_operations);
}

CHRONIK_WIRE_INSTANTIATE(DescribeClusterResponse);

}  // namespace chronik::wire
