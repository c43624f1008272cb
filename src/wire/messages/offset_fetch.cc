// The fields of OffsetFetch requests and responses, by version.
#include "wire/messages/offset_fetch.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, OffsetFetchRequest::Topic& m) {
  v.field("name", m.name);
  v.field("partition_indexes", m.partition_indexes);
}

template <class V>
void describe(V& v, OffsetFetchRequest::GroupTopic& m) {
  v.field("name", m.name, {.until = 9});
  v.field("topic_id", m.topic_id, {.since = 10});
  v.field("partition_indexes", m.partition_indexes);
}

template <class V>
void describe(V& v, OffsetFetchRequest::Group& m) {
  v.field("group_id", m.group_id);
  v.field("member_id", m.member_id, {.since = 9, .nullable = 9});
  v.field("member_epoch", m.member_epoch, {.since = 9});
  v.field("topics", m.topics, {.nullable = 8});
}

template <class V>
void describe(V& v, OffsetFetchRequest& m) {
  v.field("group_id", m.group_id, {.until = 7});
  v.field("topics", m.topics, {.until = 7, .nullable = 2});
  v.field("groups", m.groups, {.since = 8});
  v.field("require_stable", m.require_stable, {.since = 7});
}

CHRONIK_WIRE_INSTANTIATE(OffsetFetchRequest);

template <class V>
void describe(V& v, OffsetFetchResponse::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("committed_offset", m.committed_offset);
  v.field("committed_leader_epoch", m.committed_leader_epoch, {.since = 5});
  v.field("metadata", m.metadata, {.nullable = 0});
  v.field("error_code", m.error_code);
}

template <class V>
void describe(V& v, OffsetFetchResponse::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetFetchResponse::GroupTopic& m) {
  v.field("name", m.name, {.until = 9});
  v.field("topic_id", m.topic_id, {.since = 10});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, OffsetFetchResponse::Group& m) {
  v.field("group_id", m.group_id);
  v.field("topics", m.topics);
  v.field("error_code", m.error_code);
}

template <class V>
void describe(V& v, OffsetFetchResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms, {.since = 3});
  v.field("topics", m.topics, {.until = 7});
  v.field("error_code", m.error_code, {.since = 2, .until = 7});
  v.field("groups", m.groups, {.since = 8});
}

CHRONIK_WIRE_INSTANTIATE(OffsetFetchResponse);

}  // namespace chronik::wire
