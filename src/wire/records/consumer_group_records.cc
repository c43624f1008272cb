// The fields of the records of consumer groups.
#include "wire/records/consumer_group_records.h"

#include <algorithm>

#include "wire/message_impl.h"

namespace chronik::wire {

bool ClassicMemberMetadata::ClassicProtocol::operator==(const ClassicProtocol& other) const {
  return name == other.name && std::ranges::equal(metadata.span(), other.metadata.span());
}

template <class V>
void describe(V& v, ConsumerGroupMetadataKey& m) {
  v.field("group_id", m.group_id);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupMetadataKey);

template <class V>
void describe(V& v, ConsumerGroupMetadataValue& m) {
  v.field("epoch", m.epoch);
  v.tagged([&](auto& t) { t.tag(0, "metadata_hash", m.metadata_hash, 0); });
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupMetadataValue);

template <class V>
void describe(V& v, ConsumerGroupPartitionMetadataKey& m) {
  v.field("group_id", m.group_id);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupPartitionMetadataKey);

template <class V>
void describe(V& v, ConsumerGroupPartitionMetadataValue::PartitionMetadata& m) {
  v.field("partition", m.partition);
  v.field("racks", m.racks);
}

template <class V>
void describe(V& v, ConsumerGroupPartitionMetadataValue::TopicMetadata& m) {
  v.field("topic_id", m.topic_id);
  v.field("topic_name", m.topic_name);
  v.field("num_partitions", m.num_partitions);
  v.field("partition_metadata", m.partition_metadata);
}

template <class V>
void describe(V& v, ConsumerGroupPartitionMetadataValue& m) {
  v.field("topics", m.topics);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupPartitionMetadataValue);

template <class V>
void describe(V& v, ConsumerGroupMemberMetadataKey& m) {
  v.field("group_id", m.group_id);
  v.field("member_id", m.member_id);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupMemberMetadataKey);

template <class V>
void describe(V& v, ClassicMemberMetadata::ClassicProtocol& m) {
  v.field("name", m.name);
  v.field("metadata", m.metadata);
}

template <class V>
void describe(V& v, ClassicMemberMetadata& m) {
  v.field("session_timeout_ms", m.session_timeout_ms);
  v.field("supported_protocols", m.supported_protocols);
}

template <class V>
void describe(V& v, ConsumerGroupMemberMetadataValue& m) {
  v.field("instance_id", m.instance_id, {.nullable = 0});
  v.field("rack_id", m.rack_id, {.nullable = 0});
  v.field("client_id", m.client_id);
  v.field("client_host", m.client_host);
  v.field("subscribed_topic_names", m.subscribed_topic_names);
  v.field("subscribed_topic_regex", m.subscribed_topic_regex, {.nullable = 0});
  v.field("rebalance_timeout_ms", m.rebalance_timeout_ms);
  v.field("server_assignor", m.server_assignor, {.nullable = 0});
  v.tagged([&](auto& t) { t.tag(0, "classic_member_metadata", m.classic_member_metadata, 0); });
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupMemberMetadataValue);

template <class V>
void describe(V& v, ConsumerGroupTargetAssignmentMetadataKey& m) {
  v.field("group_id", m.group_id);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupTargetAssignmentMetadataKey);

template <class V>
void describe(V& v, ConsumerGroupTargetAssignmentMetadataValue& m) {
  v.field("assignment_epoch", m.assignment_epoch);
  v.tagged([&](auto& t) { t.tag(0, "assignment_timestamp", m.assignment_timestamp, 0, UnixMillis(0)); });
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupTargetAssignmentMetadataValue);

template <class V>
void describe(V& v, ConsumerGroupTargetAssignmentMemberKey& m) {
  v.field("group_id", m.group_id);
  v.field("member_id", m.member_id);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupTargetAssignmentMemberKey);

template <class V>
void describe(V& v, ConsumerGroupTargetAssignmentMemberValue::TopicPartition& m) {
  v.field("topic_id", m.topic_id);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ConsumerGroupTargetAssignmentMemberValue& m) {
  v.field("topic_partitions", m.topic_partitions);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupTargetAssignmentMemberValue);

template <class V>
void describe(V& v, ConsumerGroupCurrentMemberAssignmentKey& m) {
  v.field("group_id", m.group_id);
  v.field("member_id", m.member_id);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupCurrentMemberAssignmentKey);

template <class V>
void describe(V& v, ConsumerGroupCurrentMemberAssignmentValue::TopicPartitions& m) {
  v.field("topic_id", m.topic_id);
  v.field("partitions", m.partitions);
  v.tagged([&](auto& t) { t.tag(0, "assignment_epochs", m.assignment_epochs, 0); });
}

template <class V>
void describe(V& v, ConsumerGroupCurrentMemberAssignmentValue& m) {
  v.field("member_epoch", m.member_epoch);
  v.field("previous_member_epoch", m.previous_member_epoch);
  v.field("state", m.state);
  v.field("assigned_partitions", m.assigned_partitions);
  v.field("partitions_pending_revocation", m.partitions_pending_revocation);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupCurrentMemberAssignmentValue);

template <class V>
void describe(V& v, ConsumerGroupRegularExpressionKey& m) {
  v.field("group_id", m.group_id);
  v.field("regular_expression", m.regular_expression);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupRegularExpressionKey);

template <class V>
void describe(V& v, ConsumerGroupRegularExpressionValue& m) {
  v.field("topics", m.topics);
  v.field("version", m.version);
  v.field("timestamp", m.timestamp);
}
CHRONIK_WIRE_INSTANTIATE(ConsumerGroupRegularExpressionValue);

}  // namespace chronik::wire
