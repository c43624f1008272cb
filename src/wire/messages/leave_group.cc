// The fields of LeaveGroup requests and responses, by version.
#include "wire/messages/leave_group.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, LeaveGroupRequest::MemberIdentity& m) {
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.nullable = 3});
  v.field("reason", m.reason, {.since = 5, .nullable = 5});
}

template <class V>
void describe(V& v, LeaveGroupRequest& m) {
  v.field("group_id", m.group_id);
  v.field("member_id", m.member_id, {.until = 2});
  v.field("members", m.members, {.since = 3});
}

CHRONIK_WIRE_INSTANTIATE(LeaveGroupRequest);

template <class V>
void describe(V& v, LeaveGroupResponse::MemberResponse& m) {
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.nullable = 3});
  v.field("error_code", m.error_code);
}

template <class V>
void describe(V& v, LeaveGroupResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 1});
  v.field("error_code", m.error_code);
  v.field("members", m.members, {.since = 3});
}

CHRONIK_WIRE_INSTANTIATE(LeaveGroupResponse);

}  // namespace chronik::wire
