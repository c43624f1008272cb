// The fields of Heartbeat requests and responses, by version.
#include "wire/messages/heartbeat.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, HeartbeatRequest& m) {
  v.field("group_id", m.group_id);
  v.field("generation_id", m.generation_id);
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.since = 3, .nullable = 3});
}

CHRONIK_WIRE_INSTANTIATE(HeartbeatRequest);

template <class V>
void describe(V& v, HeartbeatResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 1});
  v.field("error_code", m.error_code);
}

CHRONIK_WIRE_INSTANTIATE(HeartbeatResponse);

}  // namespace chronik::wire
