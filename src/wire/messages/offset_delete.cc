// The fields of OffsetDelete requests and responses, by version.
#include "wire/messages/offset_delete.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, OffsetDeleteRequest::Partition& m) {
  v.field("partition_index", m.partition_index);
}

template <class V>
void describe(V& v, OffsetDeleteRequest::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetDeleteRequest& m) {
  v.field("group_id", m.group_id);
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(OffsetDeleteRequest);

template <class V>
void describe(V& v, OffsetDeleteResponse::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("error_code", m.error_code);
}

template <class V>
void describe(V& v, OffsetDeleteResponse::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetDeleteResponse& m) {
  v.field("error_code", m.error_code);
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(OffsetDeleteResponse);

}  // namespace chronik::wire
