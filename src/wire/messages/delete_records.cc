// The fields of DeleteRecords requests and responses, by version.
#include "wire/messages/delete_records.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DeleteRecordsRequest::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("offset", m.offset);
}

template <class V>
void describe(V& v, DeleteRecordsRequest::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, DeleteRecordsRequest& m) {
  v.field("topics", m.topics);
  v.field("timeout_ms", m.timeout_ms);
}

CHRONIK_WIRE_INSTANTIATE(DeleteRecordsRequest);

template <class V>
void describe(V& v, DeleteRecordsResponse::PartitionResult& m) {
  v.field("partition_index", m.partition_index);
  v.field("low_watermark", m.low_watermark);
  v.field("error_code", m.error_code);
}

template <class V>
void describe(V& v, DeleteRecordsResponse::TopicResult& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, DeleteRecordsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("topics", m.topics);
}

CHRONIK_WIRE_INSTANTIATE(DeleteRecordsResponse);

}  // namespace chronik::wire
