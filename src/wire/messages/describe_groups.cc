// The fields of DescribeGroups requests and responses, by version.
#include "wire/messages/describe_groups.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DescribeGroupsRequest& m) {
  v.field("groups", m.groups);
  v.field("include_authorized_operations", m.include_authorized_operations, {.since = 3});
}

CHRONIK_WIRE_INSTANTIATE(DescribeGroupsRequest);

template <class V>
void describe(V& v, DescribeGroupsResponse::Member& m) {
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.since = 4, .nullable = 4});
  v.field("client_id", m.client_id);
  v.field("client_host", m.client_host);
  v.field("member_metadata", m.member_metadata);
  v.field("member_assignment", m.member_assignment);
}

template <class V>
void describe(V& v, DescribeGroupsResponse::Group& m) {
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.since = 6, .nullable = 6});
  v.field("group_id", m.group_id);
  v.field("group_state", m.group_state);
  v.field("protocol_type", m.protocol_type);
  v.field("protocol_data", m.protocol_data);
  v.field("members", m.members);
  v.field("authorized_operations", m.authorized_operations, {.since = 3});
}

template <class V>
void describe(V& v, DescribeGroupsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 1});
  v.field("groups", m.groups);
}

CHRONIK_WIRE_INSTANTIATE(DescribeGroupsResponse);

}  // namespace chronik::wire
