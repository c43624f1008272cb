// The fields of JoinGroup requests and responses, by version.
#include "wire/messages/join_group.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, JoinGroupRequest::Protocol& m) {
  v.field("name", m.name);
  v.field("metadata", m.metadata);
}

template <class V>
void describe(V& v, JoinGroupRequest& m) {
  v.field("group_id", m.group_id);
  v.field("session_timeout_ms", m.session_timeout_ms);
  v.field("rebalance_timeout_ms", m.rebalance_timeout_ms, {.since = 1});
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.since = 5, .nullable = 5});
  v.field("protocol_type", m.protocol_type);
  v.field("protocols", m.protocols);
  v.field("reason", m.reason, {.since = 8, .nullable = 8});
}

CHRONIK_WIRE_INSTANTIATE(JoinGroupRequest);

template <class V>
void describe(V& v, JoinGroupResponse::Member& m) {
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.since = 5, .nullable = 5});
  v.field("metadata", m.metadata);
}

template <class V>
void describe(V& v, JoinGroupResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 2});
  v.field("error_code", m.error_code);
  v.field("generation_id", m.generation_id);
  v.field("protocol_type", m.protocol_type, {.since = 7, .nullable = 7});
  v.field("protocol_name", m.protocol_name, {.nullable = 7});
  v.field("leader", m.leader);
  v.field("skip_assignment", m.skip_assignment, {.since = 9});
  v.field("member_id", m.member_id);
  v.field("members", m.members);
}

CHRONIK_WIRE_INSTANTIATE(JoinGroupResponse);

}  // namespace chronik::wire
