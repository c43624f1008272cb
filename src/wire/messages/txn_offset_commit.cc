// The fields of TxnOffsetCommit requests and responses, by version.
#include "wire/messages/txn_offset_commit.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, TxnOffsetCommitRequest::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("committed_offset", m.committed_offset);
  v.field("committed_leader_epoch", m.committed_leader_epoch, {.since = 2});
  v.field("committed_metadata", m.committed_metadata, {.nullable = 0});
}

template <class V>
void describe(V& v, TxnOffsetCommitRequest::Topic& m) {
  v.field("name", m.name, {.until = 5});
  v.field("topic_id", m.topic_id, {.since = 6});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, TxnOffsetCommitRequest& m) {
  v.field("transactional_id", m.transactional_id);
  v.field("group_id", m.group_id);
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
  v.field("generation_id_or_member_epoch", m.generation_id_or_member_epoch, {.since = 3});
  v.field("member_id", m.member_id, {.since = 3});
  v.field("group_instance_id", m.group_instance_id, {.since = 3, .nullable = 3});
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(TxnOffsetCommitRequest);

template <class V>
void describe(V& v, TxnOffsetCommitResponse::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("error_code", m.error_code);
}

template <class V>
void describe(V& v, TxnOffsetCommitResponse::Topic& m) {
  v.field("name", m.name, {.until = 5});
  v.field("topic_id", m.topic_id, {.since = 6});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, TxnOffsetCommitResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(TxnOffsetCommitResponse);

}  // namespace chronik::wire
