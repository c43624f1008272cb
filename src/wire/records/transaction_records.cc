// The fields of transaction records, by version.
#include "wire/records/transaction_records.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, TransactionLogKey& m) {
  v.field("transactional_id", m.transactional_id);
}

CHRONIK_WIRE_INSTANTIATE(TransactionLogKey);

template <class V>
void describe(V& v, TransactionLogValue::Partitions& m) {
  v.field("topic", m.topic);
  v.field("partition_ids", m.partition_ids);
}

template <class V>
void describe(V& v, TransactionLogValue& m) {
  v.field("producer_id", m.producer_id);
  v.field("producer_epoch", m.producer_epoch);
  v.field("transaction_timeout_ms", m.transaction_timeout_ms);
  v.field("transaction_status", m.transaction_status);
  v.field("transaction_partitions", m.transaction_partitions, {.nullable = 0});
  v.field("transaction_last_update_timestamp_ms", m.transaction_last_update_timestamp_ms);
  v.field("transaction_start_timestamp_ms", m.transaction_start_timestamp_ms);
  v.tagged([&](auto& t) {
    t.tag(0, "previous_producer_id", m.previous_producer_id, 1, ProducerId{-1});
    t.tag(1, "next_producer_id", m.next_producer_id, 1, ProducerId{-1});
    t.tag(2, "client_transaction_version", m.client_transaction_version, 1);
    t.tag(3, "next_producer_epoch", m.next_producer_epoch, 1, ProducerEpoch{-1});
  });
}

CHRONIK_WIRE_INSTANTIATE(TransactionLogValue);

}  // namespace chronik::wire
