// The fields of OffsetForLeaderEpoch requests and responses, by version.
#include "wire/messages/offset_for_leader_epoch.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, OffsetForLeaderEpochRequest::Partition& m) {
  v.field("partition", m.partition);
  v.field("current_leader_epoch", m.current_leader_epoch);
  v.field("leader_epoch", m.leader_epoch);
}

template <class V>
void describe(V& v, OffsetForLeaderEpochRequest::Topic& m) {
  v.field("topic", m.topic);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetForLeaderEpochRequest& m) {
  v.field("replica_id", m.replica_id, {.since = 3});
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(OffsetForLeaderEpochRequest);

template <class V>
void describe(V& v, OffsetForLeaderEpochResponse::EpochEndOffset& m) {
  v.field("error_code", m.error_code);
  v.field("partition", m.partition);
  v.field("leader_epoch", m.leader_epoch);
  v.field("end_offset", m.end_offset);
}

template <class V>
void describe(V& v, OffsetForLeaderEpochResponse::TopicResult& m) {
  v.field("topic", m.topic);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetForLeaderEpochResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(OffsetForLeaderEpochResponse);

}  // namespace chronik::wire
