// The fields of ListOffsets requests and responses, by version.
#include "wire/messages/list_offsets.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ListOffsetsRequest::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("current_leader_epoch", m.current_leader_epoch, {.since = 4});
  v.field("timestamp", m.timestamp);
}

template <class V>
void describe(V& v, ListOffsetsRequest::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ListOffsetsRequest& m) {
  v.field("replica_id", m.replica_id);
  v.field("isolation_level", m.isolation_level, {.since = 2});
  v.field("topics", m.topics);
  v.field("timeout_ms", m.timeout_ms, {.since = 10});
}

CHRONIK_WIRE_INSTANTIATE(ListOffsetsRequest);

template <class V>
void describe(V& v, ListOffsetsResponse::PartitionResponse& m) {
  v.field("partition_index", m.partition_index);
  v.field("error_code", m.error_code);
  v.field("timestamp", m.timestamp);
  v.field("offset", m.offset);
  v.field("leader_epoch", m.leader_epoch, {.since = 4});
}

template <class V>
void describe(V& v, ListOffsetsResponse::TopicResponse& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ListOffsetsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 2});
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(ListOffsetsResponse);

}  // namespace chronik::wire
