// The fields of DescribeProducers requests and responses, by version.
#include "wire/messages/describe_producers.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DescribeProducersRequest::Topic& m) {
  v.field("name", m.name);
  v.field("partition_indexes", m.partition_indexes);
}

template <class V>
void describe(V& v, DescribeProducersRequest& m) {
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(DescribeProducersRequest);

template <class V>
void describe(V& v, DescribeProducersResponse::Producer& m) {
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
  v.field("last_sequence", m.last_sequence);
  v.field("last_timestamp", m.last_timestamp);
  v.field("coordinator_epoch", m.coordinator_epoch);
  v.field("current_txn_start_offset", m.current_txn_start_offset);
}

template <class V>
void describe(V& v, DescribeProducersResponse::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("error_code", m.error_code);
  v.field("error_message", m.error_message, {.nullable = 0});
  v.field("active_producers", m.active_producers);
}

template <class V>
void describe(V& v, DescribeProducersResponse::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, DescribeProducersResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(DescribeProducersResponse);

}  // namespace chronik::wire
