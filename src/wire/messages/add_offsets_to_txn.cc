// The fields of AddOffsetsToTxn requests and responses, by version.
#include "wire/messages/add_offsets_to_txn.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, AddOffsetsToTxnRequest& m) {
  v.field("transactional_id", m.transactional_id);
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
  v.field("group_id", m.group_id);
}

CHRONIK_WIRE_INSTANTIATE(AddOffsetsToTxnRequest);

template <class V>
void describe(V& v, AddOffsetsToTxnResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code);
}

CHRONIK_WIRE_INSTANTIATE(AddOffsetsToTxnResponse);

}  // namespace chronik::wire
