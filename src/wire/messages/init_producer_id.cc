// The fields of InitProducerId requests and responses, by version.
#include "wire/messages/init_producer_id.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, InitProducerIdRequest& m) {
  v.field("transactional_id", m.transactional_id, {.nullable = 0});
  v.field("transaction_timeout_ms", m.transaction_timeout_ms);
  v.field("producer_id", m.producer_id, {.since = 3});
  v.field("producer_epoch", m.producer_epoch, {.since = 3});
}

CHRONIK_WIRE_INSTANTIATE(InitProducerIdRequest);

template <class V>
void describe(V& v, InitProducerIdResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code);
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
}

CHRONIK_WIRE_INSTANTIATE(InitProducerIdResponse);

}  // namespace chronik::wire
