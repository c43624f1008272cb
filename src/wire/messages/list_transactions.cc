// The fields of ListTransactions requests and responses, by version.
#include "wire/messages/list_transactions.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, ListTransactionsRequest& m) {
  v.field("state_filters", m.state_filters);
  v.field("producer_id_filters", m.producer_id_filters);
  v.field("duration_filter", m.duration_filter, {.since = 1});
  v.field("transactional_id_pattern", m.transactional_id_pattern, {.since = 2, .nullable = 2});
}

CHRONIK_WIRE_INSTANTIATE(ListTransactionsRequest);

template <class V>
void describe(V& v, ListTransactionsResponse::State& m) {
  v.field("transactional_id", m.transactional_id);
  v.field("producer_id", m.producer_id);
  v.field("transaction_state", m.transaction_state);
}

template <class V>
void describe(V& v, ListTransactionsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code);
  v.field("unknown_state_filters", m.unknown_state_filters);
  v.field("transaction_states", m.transaction_states);
}

CHRONIK_WIRE_INSTANTIATE(ListTransactionsResponse);

}  // namespace chronik::wire
