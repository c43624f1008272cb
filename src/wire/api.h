// The APIs this build describes: key, name and version ranges. The one table that message schemas, request headers and
// ApiVersions answers are derived from. What is *advertised* needs a handler too: see handler_table.h.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

namespace chronik::wire {

enum class ApiKey : std::int16_t {
  none = -1,
  produce = 0,
  fetch = 1,
  list_offsets = 2,
  metadata = 3,
  offset_commit = 8,
  offset_fetch = 9,
  find_coordinator = 10,
  join_group = 11,
  heartbeat = 12,
  leave_group = 13,
  sync_group = 14,
  describe_groups = 15,
  list_groups = 16,
  api_versions = 18,
  create_topics = 19,
  delete_topics = 20,
  delete_records = 21,
  init_producer_id = 22,
  offset_for_leader_epoch = 23,
  add_partitions_to_txn = 24,
  add_offsets_to_txn = 25,
  end_txn = 26,
  txn_offset_commit = 28,
  describe_configs = 32,
  alter_configs = 33,
  describe_log_dirs = 35,
  create_partitions = 37,
  delete_groups = 42,
  incremental_alter_configs = 44,
  offset_delete = 47,
  describe_cluster = 60,
  describe_producers = 61,
  describe_transactions = 65,
  list_transactions = 66,
  consumer_group_heartbeat = 68,
  consumer_group_describe = 69,
  describe_topic_partitions = 75,
};

inline constexpr std::int16_t kNeverFlexible = std::numeric_limits<std::int16_t>::max();

struct ApiInfo {
  ApiKey key;
  std::string_view name;
  std::int16_t min;             // lowest version decoded
  std::int16_t max;             // highest version decoded
  std::int16_t flexible_since;  // compact lengths and tagged fields (KIP-482) from here on
  std::int16_t advertised_min;  // lowest version named in ApiVersions
};

/// Ranges of Kafka 4.4, without versions it marks unstable. Ordered by key.
inline constexpr auto kApis = std::to_array<ApiInfo>({
    // librdkafka picks its message format from Produce's lowest version and refuses brokers that do not start at 0.
    {ApiKey::produce, "Produce", 3, 13, 9, 0},
    {ApiKey::fetch, "Fetch", 4, 18, 12, 4},
    {ApiKey::list_offsets, "ListOffsets", 1, 11, 6, 1},
    {ApiKey::metadata, "Metadata", 0, 13, 9, 0},
    {ApiKey::offset_commit, "OffsetCommit", 2, 10, 8, 2},
    {ApiKey::offset_fetch, "OffsetFetch", 1, 10, 6, 1},
    {ApiKey::find_coordinator, "FindCoordinator", 0, 6, 3, 0},
    {ApiKey::join_group, "JoinGroup", 0, 9, 6, 0},
    {ApiKey::heartbeat, "Heartbeat", 0, 4, 4, 0},
    {ApiKey::leave_group, "LeaveGroup", 0, 5, 4, 0},
    {ApiKey::sync_group, "SyncGroup", 0, 5, 4, 0},
    {ApiKey::describe_groups, "DescribeGroups", 0, 6, 5, 0},
    {ApiKey::list_groups, "ListGroups", 0, 5, 3, 0},
    {ApiKey::api_versions, "ApiVersions", 0, 5, 3, 0},
    {ApiKey::create_topics, "CreateTopics", 2, 7, 5, 2},
    {ApiKey::delete_topics, "DeleteTopics", 1, 6, 4, 1},
    {ApiKey::delete_records, "DeleteRecords", 0, 2, 2, 0},
    {ApiKey::init_producer_id, "InitProducerId", 0, 5, 2, 0},
    {ApiKey::offset_for_leader_epoch, "OffsetForLeaderEpoch", 2, 4, 4, 2},
    {ApiKey::add_partitions_to_txn, "AddPartitionsToTxn", 0, 5, 3, 0},
    {ApiKey::add_offsets_to_txn, "AddOffsetsToTxn", 0, 4, 3, 0},
    {ApiKey::end_txn, "EndTxn", 0, 5, 3, 0},
    {ApiKey::txn_offset_commit, "TxnOffsetCommit", 0, 6, 3, 0},
    {ApiKey::describe_configs, "DescribeConfigs", 1, 4, 4, 1},
    {ApiKey::alter_configs, "AlterConfigs", 0, 2, 2, 0},
    {ApiKey::describe_log_dirs, "DescribeLogDirs", 1, 5, 2, 1},
    {ApiKey::create_partitions, "CreatePartitions", 0, 3, 2, 0},
    {ApiKey::delete_groups, "DeleteGroups", 0, 3, 2, 0},
    {ApiKey::incremental_alter_configs, "IncrementalAlterConfigs", 0, 1, 1, 0},
    {ApiKey::offset_delete, "OffsetDelete", 0, 0, kNeverFlexible, 0},
    {ApiKey::describe_cluster, "DescribeCluster", 0, 2, 0, 0},
    {ApiKey::describe_producers, "DescribeProducers", 0, 0, 0, 0},
    {ApiKey::describe_transactions, "DescribeTransactions", 0, 0, 0, 0},
    {ApiKey::list_transactions, "ListTransactions", 0, 2, 0, 0},
    {ApiKey::consumer_group_heartbeat, "ConsumerGroupHeartbeat", 0, 1, 0, 0},
    {ApiKey::consumer_group_describe, "ConsumerGroupDescribe", 0, 1, 0, 0},
    {ApiKey::describe_topic_partitions, "DescribeTopicPartitions", 0, 0, 0, 0},
});

/// The row of `key`, or null when this build does not know it.
constexpr const ApiInfo* find_api(ApiKey key) {
  for (const ApiInfo& api : kApis) {
    if (api.key == key) return &api;
  }
  return nullptr;
}

/// Whether requests of this version are decoded (which says nothing about a handler).
constexpr bool is_supported(ApiKey key, std::int16_t version) {
  const ApiInfo* api = find_api(key);
  return api != nullptr && version >= api->min && version <= api->max;
}

/// Kafka's name of the API ("Produce"), or "unknown".
constexpr std::string_view to_string(ApiKey key) {
  const ApiInfo* api = find_api(key);
  return api == nullptr ? std::string_view("unknown") : api->name;
}

/// What codec.h needs to know about one message. Every message struct has one, named kSchema.
struct Schema {
  const char* name;
  ApiKey key = ApiKey::none;  // none: a record format, not a request or response
  std::int16_t min = 0;
  std::int16_t max = 0;
  std::int16_t flexible_since = kNeverFlexible;

  constexpr bool is_flexible(std::int16_t version) const { return version >= flexible_since; }
};

/// The schema of a request or response; ranges come from the table. Does not compile for a key outside it.
consteval Schema api_schema(const char* name, ApiKey key) {
  const ApiInfo* api = find_api(key);
  return {.name = name, .key = key, .min = api->min, .max = api->max, .flexible_since = api->flexible_since};
}

}  // namespace chronik::wire
