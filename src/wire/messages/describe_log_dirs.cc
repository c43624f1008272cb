// The fields of DescribeLogDirs requests and responses, by version.
#include "wire/messages/describe_log_dirs.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, DescribeLogDirsRequest::Topic& m) {
  v.field("topic", m.topic);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, DescribeLogDirsRequest& m) {
  v.field("topics", m.topics, {.nullable = 0});
}

CHRONIK_WIRE_INSTANTIATE(DescribeLogDirsRequest);

template <class V>
void describe(V& v, DescribeLogDirsResponse::Partition& m) {
  v.field("partition_index", m.partition_index);
  v.field("partition_size", m.partition_size);
  v.field("offset_lag", m.offset_lag);
  v.field("is_future_key", m.is_future_key);
}

template <class V>
void describe(V& v, DescribeLogDirsResponse::Topic& m) {
  v.field("name", m.name);
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, DescribeLogDirsResponse::LogDir& m) {
  v.field("error_code", m.error_code);
  v.field("log_dir", m.log_dir);
  v.field("topics", m.topics);
  v.field("total_bytes", m.total_bytes, {.since = 4});
  v.field("usable_bytes", m.usable_bytes, {.since = 4});
  v.field("is_cordoned", m.is_cordoned, {.since = 5});
}

template <class V>
void describe(V& v, DescribeLogDirsResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code, {.since = 3});
  v.field("results", m.results);
}

CHRONIK_WIRE_INSTANTIATE(DescribeLogDirsResponse);

}  // namespace chronik::wire
