#include "coord/group_store.h"

#include "wire/record_batch_builder.h"
#include "wire/records/versioned.h"

namespace chronik::coord {

namespace {
constexpr std::int16_t kOffsetKeyVersion = 1;
constexpr std::int16_t kGroupKeyVersion = 2;
constexpr std::int16_t kGroupValueVersion = 3;  // the newest without tagged fields, as Kafka writes it

/// The oldest version that can say it all, so that the oldest tools can read it. Version 1 alone has an expiry.
std::int16_t offset_value_version(const CommittedOffset& offset) {
  if (offset.expires_at.value() != -1) return 1;
  return offset.topic_id.is_zero() ? 3 : 4;
}
}  // namespace

Result<Record> offset_tombstone(const std::string& group, const std::string& topic, PartitionIndex partition) {
  const wire::OffsetCommitKey key{.group = group, .topic = topic, .partition = partition};
  TRY(Buffer bytes, wire::encode_versioned(key, kOffsetKeyVersion));
  return Record{std::move(bytes), std::nullopt};
}

Result<Record> offset_record(const std::string& group, const std::string& topic, PartitionIndex partition,
                             const CommittedOffset& offset) {
  TRY(Record record, offset_tombstone(group, topic, partition));
  const wire::OffsetCommitValue value{.offset = offset.offset,
                                      .leader_epoch = offset.leader_epoch,
                                      .metadata = offset.metadata,
                                      .commit_timestamp = offset.committed_at,
                                      .expire_timestamp = offset.expires_at,
                                      .topic_id = offset.topic_id};
  TRY(record.value, wire::encode_versioned(value, offset_value_version(offset)));
  return record;
}

Result<Record> group_tombstone(const std::string& group) {
  TRY(Buffer bytes, wire::encode_versioned(wire::GroupMetadataKey{.group = group}, kGroupKeyVersion));
  return Record{std::move(bytes), std::nullopt};
}

Result<Record> group_record(const std::string& group, const wire::GroupMetadataValue& value) {
  TRY(Record record, group_tombstone(group));
  TRY(record.value, wire::encode_versioned(value, kGroupValueVersion));
  return record;
}

namespace {
Result<Buffer> build(const wire::BatchOptions& options, const std::vector<Record>& records, UnixMillis at) {
  wire::RecordBatchBuilder builder(options);
  for (const Record& record : records) {
    builder.add(at, record.key.span(), record.value ? std::optional(record.value->span()) : std::nullopt);
  }
  return builder.build();
}
}  // namespace

Result<Buffer> make_batch(const std::vector<Record>& records, UnixMillis at) {
  return build(wire::BatchOptions{}, records, at);
}

Result<Buffer> make_transactional_batch(const std::vector<Record>& records, UnixMillis at, ProducerIdentity producer) {
  wire::BatchOptions options;
  options.producer_id = producer.id;
  options.producer_epoch = producer.epoch;
  options.base_sequence = 0;
  options.transactional = true;
  return build(options, records, at);
}

CommittedOffset committed_offset(const wire::OffsetCommitValue& value, Offset position) {
  return {.offset = value.offset,
          .leader_epoch = value.leader_epoch,
          .metadata = value.metadata,
          .committed_at = value.commit_timestamp,
          .expires_at = value.expire_timestamp,
          .topic_id = value.topic_id,
          .position = position};
}

}  // namespace chronik::coord
