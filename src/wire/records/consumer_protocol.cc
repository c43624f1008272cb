// The fields of the consumer protocol, by version.
#include "wire/records/consumer_protocol.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ConsumerProtocolSubscription::TopicPartitions& m) {
  v.field("topic", m.topic);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ConsumerProtocolSubscription& m) {
  v.field("topics", m.topics);
  v.field("user_data", m.user_data, {.nullable = 0});
  v.field("owned_partitions", m.owned_partitions, {.since = 1});
  v.field("generation_id", m.generation_id, {.since = 2});
  v.field("rack_id", m.rack_id, {.since = 3, .nullable = 3});
}

CHRONIK_WIRE_INSTANTIATE(ConsumerProtocolSubscription);

template <class V>
void describe(V& v, ConsumerProtocolAssignment::TopicPartitions& m) {
  v.field("topic", m.topic);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, ConsumerProtocolAssignment& m) {
  v.field("assigned_partitions", m.assigned_partitions);
  v.field("user_data", m.user_data, {.nullable = 0});
}

CHRONIK_WIRE_INSTANTIATE(ConsumerProtocolAssignment);

}  // namespace chronik::wire
