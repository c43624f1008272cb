// The fields of SyncGroup requests and responses, by version.
#include "wire/messages/sync_group.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, SyncGroupRequest::Assignment& m) {
  v.field("member_id", m.member_id);
  v.field("assignment", m.assignment);
}

template <class V>
void describe(V& v, SyncGroupRequest& m) {
  v.field("group_id", m.group_id);
  v.field("generation_id", m.generation_id);
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.since = 3, .nullable = 3});
  v.field("protocol_type", m.protocol_type, {.since = 5, .nullable = 5});
  v.field("protocol_name", m.protocol_name, {.since = 5, .nullable = 5});
  v.field("assignments", m.assignments);
}

CHRONIK_WIRE_INSTANTIATE(SyncGroupRequest);

template <class V>
void describe(V& v, SyncGroupResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 1});
  v.field("error_code", m.error_code);
  v.field("protocol_type", m.protocol_type, {.since = 5, .nullable = 5});
  v.field("protocol_name", m.protocol_name, {.since = 5, .nullable = 5});
  v.field("assignment", m.assignment);
}

CHRONIK_WIRE_INSTANTIATE(SyncGroupResponse);

}  // namespace chronik::wire
