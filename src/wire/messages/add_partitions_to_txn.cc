// The fields of AddPartitionsToTxn requests and responses, by version.
#include "wire/messages/add_partitions_to_txn.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, AddPartitionsToTxnRequest::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, AddPartitionsToTxnRequest::Transaction& m) {
  v.field("transactional_id", m.transactional_id);
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
  v.field("verify_only", m.verify_only);
  v.field("topics", m.topics);
}

template <class V>
void describe(V& v, AddPartitionsToTxnRequest& m) {
  v.field("transactions", m.transactions, {.since = 4});
  v.field("v3_and_below_transactional_id", m.v3_and_below_transactional_id, {.until = 3});
  v.field("v3_and_below_producer_id", m.v3_and_below_producer_id, {.until = 3});
  v.field("v3_and_below_producer_epoch", m.v3_and_below_producer_epoch, {.until = 3});
  v.field("v3_and_below_topics", m.v3_and_below_topics, {.until = 3});
}

CHRONIK_WIRE_INSTANTIATE(AddPartitionsToTxnRequest);

template <class V>
void describe(V& v, AddPartitionsToTxnResponse::PartitionResult& m) {
  v.field("partition_index", m.partition_index);
  v.field("partition_error_code", m.partition_error_code);
}

template <class V>
void describe(V& v, AddPartitionsToTxnResponse::TopicResult& m) {
  v.field("name", m.name);
  v.field("results_by_partition", m.results_by_partition);
}

template <class V>
void describe(V& v, AddPartitionsToTxnResponse::Result& m) {
  v.field("transactional_id", m.transactional_id);
  v.field("topic_results", m.topic_results);
}

template <class V>
void describe(V& v, AddPartitionsToTxnResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code, {.since = 4});
  v.field("results_by_transaction", m.results_by_transaction, {.since = 4});
  v.field("results_by_topic_v3_and_below", m.results_by_topic_v3_and_below, {.until = 3});
}

CHRONIK_WIRE_INSTANTIATE(AddPartitionsToTxnResponse);

}  // namespace chronik::wire
