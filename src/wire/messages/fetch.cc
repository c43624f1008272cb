// The fields of Fetch requests and responses, by version.
#include "wire/messages/fetch.h"

#include "wire/message_impl.h"

namespace chronik::wire {

template <class V>
void describe(V& v, FetchRequest::ReplicaState& m) {
  v.field("replica_id", m.replica_id);
  v.field("replica_epoch", m.replica_epoch);
}

template <class V>
void describe(V& v, FetchRequest::Partition& m) {
  v.field("partition", m.partition);
  v.field("current_leader_epoch", m.current_leader_epoch, {.since = 9});
  v.field("fetch_offset", m.fetch_offset);
  v.field("last_fetched_epoch", m.last_fetched_epoch, {.since = 12});
  v.field("log_start_offset", m.log_start_offset, {.since = 5});
  v.field("partition_max_bytes", m.partition_max_bytes);
  v.tagged([&](auto& t) {
    t.tag(0, "replica_directory_id", m.replica_directory_id, 17);
    t.tag(1, "high_watermark", m.high_watermark, 18, HighWatermark{INT64_MAX});
  });
}

template <class V>
void describe(V& v, FetchRequest::Topic& m) {
  v.field("topic", m.topic, {.until = 12});
  v.field("topic_id", m.topic_id, {.since = 13});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, FetchRequest::ForgottenTopic& m) {
  v.field("topic", m.topic, {.until = 12});
  v.field("topic_id", m.topic_id, {.since = 13});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, FetchRequest& m) {
  v.field("replica_id", m.replica_id, {.until = 14});
  v.field("max_wait_ms", m.max_wait_ms);
  v.field("min_bytes", m.min_bytes);
  v.field("max_bytes", m.max_bytes);
  v.field("isolation_level", m.isolation_level);
  v.field("session_id", m.session_id, {.since = 7});
  v.field("session_epoch", m.session_epoch, {.since = 7});
  v.field("topics", m.topics);
  v.field("forgotten_topics_data", m.forgotten_topics_data, {.since = 7});
  v.field("rack_id", m.rack_id, {.since = 11});
  v.tagged([&](auto& t) {
    t.tag(0, "cluster_id", m.cluster_id, 12);
    t.tag(1, "replica_state", m.replica_state, 15);
  });
}

CHRONIK_WIRE_INSTANTIATE(FetchRequest);

template <class V>
void describe(V& v, FetchResponse::EpochEndOffset& m) {
  v.field("epoch", m.epoch);
  v.field("end_offset", m.end_offset);
}

template <class V>
void describe(V& v, FetchResponse::SnapshotId& m) {
  v.field("end_offset", m.end_offset);
  v.field("epoch", m.epoch);
}

template <class V>
void describe(V& v, FetchResponse::AbortedTransaction& m) {
  v.field("producer_id", m.producer_id);
  v.field("first_offset", m.first_offset);
}

template <class V>
void describe(V& v, FetchResponse::PartitionData& m) {
  v.field("partition_index", m.partition_index);
  v.field("error_code", m.error_code);
  v.field("high_watermark", m.high_watermark);
  v.field("last_stable_offset", m.last_stable_offset);
  v.field("log_start_offset", m.log_start_offset, {.since = 5});
  v.field("aborted_transactions", m.aborted_transactions, {.nullable = 4});
  v.field("preferred_read_replica", m.preferred_read_replica, {.since = 11});
  v.field("records", m.records);
  v.tagged([&](auto& t) {
    t.tag(0, "diverging_epoch", m.diverging_epoch, 12);
    t.tag(1, "current_leader", m.current_leader, 12);
    t.tag(2, "snapshot_id", m.snapshot_id, 12);
  });
}

template <class V>
void describe(V& v, FetchResponse::TopicResponse& m) {
  v.field("topic", m.topic, {.until = 12});
  v.field("topic_id", m.topic_id, {.since = 13});
  v.field("partitions", m.partitions);
}

template <class V>
void describe(V& v, FetchResponse& m) {
  v.field("throttle_time_ms", m.throttle_time_ms);
  v.field("error_code", m.error_code, {.since = 7});
  v.field("session_id", m.session_id, {.since = 7});
  v.field("responses", m.responses);
  v.tagged([&](auto& t) { t.tag(0, "node_endpoints", m.node_endpoints, 16); });
}

CHRONIK_WIRE_INSTANTIATE(FetchResponse);

}  // namespace chronik::wire
