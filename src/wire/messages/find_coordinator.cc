// The fields of FindCoordinator requests and responses, by version.
#include "wire/messages/find_coordinator.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, FindCoordinatorRequest& m) {
  v.field("key", m.key, {.until = 3});
  v.field("key_type", m.key_type, {.since = 1});
  v.field("coordinator_keys", m.coordinator_keys, {.since = 4});
}

CHRONIK_WIRE_INSTANTIATE(FindCoordinatorRequest);

template <class V>
void describe(V& v, FindCoordinatorResponse::Coordinator& m) {
  v.field("key", m.key);
  v.field("node_id", m.node_id);
  v.field("host", m.host);
  v.field("port", m.port);
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 4});
}

template <class V>
void describe(V& v, FindCoordinatorResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 1});
  v.field("error_code", m.error_code, {.until = 3});
  v.field("error_message", m.error_message, {.since = 1, .until = 3, .nullable = 1});
  v.field("node_id", m.node_id, {.until = 3});
  v.field("host", m.host, {.until = 3});
  v.field("port", m.port, {.until = 3});
  v.field("coordinators", m.coordinators, {.since = 4});
}

CHRONIK_WIRE_INSTANTIATE(FindCoordinatorResponse);

}  // namespace chronik::wire
