// The fields of DescribeTransactions requests and responses, by version.
#include "wire/messages/describe_transactions.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DescribeTransactionsRequest& m) {
  v.field("transactional_ids", m.transactional_ids);
}

CHRONIK_WIRE_INSTANTIATE(DescribeTransactionsRequest);

template <class V>
void describe(V& v, DescribeTransactionsResponse::Topic& m) {
  v.field("topic", m.topic);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, DescribeTransactionsResponse::State& m) {
  v.field("error_code", m.error_code);
  v.field("transactional_id", m.transactional_id);
  v.field("transaction_state", m.transaction_state);
  v.field("transaction_timeout_ms", m.transaction_timeout_ms);
  v.field("transaction_start_time_ms", m.transaction_start_time_ms);
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
  v.field("topics", m.topics);
}

template <class V>
void describe(V& v, DescribeTransactionsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("transaction_states", m.transaction_states);
}

CHRONIK_WIRE_INSTANTIATE(DescribeTransactionsResponse);

}  // namespace chronik::wire
