// The fields of EndTxn requests and responses, by version.
#include "wire/messages/end_txn.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, EndTxnRequest& m) {
  v.field("transactional_id", m.transactional_id);
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
  v.field("committed", m.committed);
}

CHRONIK_WIRE_INSTANTIATE(EndTxnRequest);

template <class V>
void describe(V& v, EndTxnResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code);
  v.field("producer_id", m.producer_id, {.since = 5});
  v.field("producer_epoch", m.producer_epoch, {.since = 5});
}

CHRONIK_WIRE_INSTANTIATE(EndTxnResponse);

}  // namespace chronik::wire
