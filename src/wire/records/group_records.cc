// The fields of group records, by version.
#include "wire/records/group_records.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, OffsetCommitKey& m) {
  v.field("group", m.group);
  v.field("topic", m.topic);
  v.field("partition", m.partition);
}

CHRONIK_WIRE_INSTANTIATE(OffsetCommitKey);

template <class V>
void describe(V& v, OffsetCommitValue& m) {
  v.field("offset", m.offset);
  v.field("leader_epoch", m.leader_epoch, {.since = 3});
  v.field("metadata", m.metadata);
  v.field("commit_timestamp", m.commit_timestamp);
  v.field("expire_timestamp", m.expire_timestamp, {.since = 1, .until = 1});
  v.tagged([&](auto& t) { t.tag(0, "topic_id", m.topic_id, 4); });
}

CHRONIK_WIRE_INSTANTIATE(OffsetCommitValue);

template <class V>
void describe(V& v, GroupMetadataKey& m) {
  v.field("group", m.group);
}

CHRONIK_WIRE_INSTANTIATE(GroupMetadataKey);

template <class V>
void describe(V& v, GroupMetadataValue::MemberMetadata& m) {
  v.field("member_id", m.member_id);
  v.field("group_instance_id", m.group_instance_id, {.since = 3, .nullable = 3});
  v.field("client_id", m.client_id);
  v.field("client_host", m.client_host);
  v.field("rebalance_timeout", m.rebalance_timeout_ms, {.since = 1});
  v.field("session_timeout", m.session_timeout_ms);
  v.field("subscription", m.subscription);
  v.field("assignment", m.assignment);
}

template <class V>
void describe(V& v, GroupMetadataValue& m) {
  v.field("protocol_type", m.protocol_type);
  v.field("generation", m.generation);
  v.field("protocol", m.protocol, {.nullable = 0});
  v.field("leader", m.leader, {.nullable = 0});
  v.field("current_state_timestamp", m.current_state_timestamp, {.since = 2});
  v.field("members", m.members);
}

CHRONIK_WIRE_INSTANTIATE(GroupMetadataValue);

}  // namespace chronik::wire
