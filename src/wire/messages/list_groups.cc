// The fields of ListGroups requests and responses, by version.
#include "wire/messages/list_groups.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ListGroupsRequest& m) {
  v.field("states_filter", m.states_filter, {.since = 4});
  v.field("types_filter", m.types_filter, {.since = 5});
}

CHRONIK_WIRE_INSTANTIATE(ListGroupsRequest);

template <class V>
void describe(V& v, ListGroupsResponse::Group& m) {
  v.field("group_id", m.group_id);
  v.field("protocol_type", m.protocol_type);
  v.field("group_state", m.group_state, {.since = 4});
  v.field("group_type", m.group_type, {.since = 5});
}

template <class V>
void describe(V& v, ListGroupsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 1});
  v.field("error_code", m.error_code);
  v.field("groups", m.groups);
}

CHRONIK_WIRE_INSTANTIATE(ListGroupsResponse);

}  // namespace chronik::wire
