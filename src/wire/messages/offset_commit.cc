// The fields of OffsetCommit requests and responses, by version.
#include "wire/messages/offset_commit.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, OffsetCommitRequest::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("committed_offset", m.committed_offset);
  v.field("committed_leader_epoch", m.committed_leader_epoch, {.since = 6});
  v.field("committed_metadata", m.committed_metadata, {.nullable = 0});
}

template <class V>
void describe(V& v, OffsetCommitRequest::Topic& m) {
  v.field("name", m.name, {.until = 9});
  v.field("topic_id", m.topic_id, {.since = 10});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetCommitRequest& m) {
  v.field("group_id", m.group_id);
  v.field("generation_id_or_member_epoch", m.generation_id_or_member_epoch);
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.since = 7, .nullable = 7});
  v.field("retention_time_ms", m.retention_time_ms, {.until = 4});
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(OffsetCommitRequest);

template <class V>
void describe(V& v, OffsetCommitResponse::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("error_code", m.error_code);
}

template <class V>
void describe(V& v, OffsetCommitResponse::Topic& m) {
  v.field("name", m.name, {.until = 9});
  v.field("topic_id", m.topic_id, {.since = 10});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetCommitResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 3});
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(OffsetCommitResponse);

}  // namespace chronik::wire
