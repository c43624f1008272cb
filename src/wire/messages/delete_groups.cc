// The fields of DeleteGroups requests and responses, by version.
#include "wire/messages/delete_groups.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DeleteGroupsRequest& m) {
  v.field("groups_names", m.groups_names);
}

CHRONIK_WIRE_INSTANTIATE(DeleteGroupsRequest);

template <class V>
void describe(V& v, DeleteGroupsResponse::GroupResult& m) {
  v.field("group_id", m.group_id);
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.since = 3, .nullable = 3});
}

template <class V>
void describe(V& v, DeleteGroupsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("results", m.results);
}

CHRONIK_WIRE_INSTANTIATE(DeleteGroupsResponse);

}  // namespace chronik::wire
