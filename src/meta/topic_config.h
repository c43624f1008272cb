// TopicConfig: what the log manager and the produce path obey for one topic, resolved from the topic's overrides over
// the broker's values; and the table of topic-level definitions behind it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/config_definition.h"
#include "meta/image.h"

namespace chronik::meta {

class BrokerConfig;

enum class CompressionType : std::uint8_t { producer, uncompressed, gzip, snappy, lz4, zstd };
enum class TimestampType : std::uint8_t { create_time, log_append_time };

/// Units are in the names. -1 means "no limit" where Kafka says so.
struct TopicConfig {
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  CompressionType compression_type = CompressionType::producer;
  std::int64_t delete_retention_ms = 0;
  std::int64_t file_delete_delay_ms = 0;
  std::int64_t flush_messages = 0;
  std::int64_t flush_ms = 0;
  std::int32_t index_interval_bytes = 0;
  std::int64_t max_compaction_lag_ms = 0;
  std::int32_t max_message_bytes = 0;
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = 0;
  std::int64_t timestamp_after_max_ms = 0;
  double min_cleanable_dirty_ratio = 0;
  std::int64_t min_compaction_lag_ms = 0;
  std::int32_t min_insync_replicas = 1;
  bool preallocate = false;
  std::int64_t retention_bytes = -1;
  std::int64_t retention_ms = 0;  // -1: for ever
  std::int32_t segment_bytes = 0;
  std::int32_t segment_index_bytes = 0;
  std::int64_t segment_jitter_ms = 0;
  std::int64_t segment_ms = 0;
  bool unclean_leader_election = false;

  bool operator==(const TopicConfig&) const = default;
};

/// Overrides this build does not know are skipped: they were valid for whoever wrote them.
TopicConfig resolve_topic_config(const BrokerConfig& broker, const ConfigMap& overrides);

/// Whether `key` = `value` may be set on topic `name`: known, well-formed, honoured. The message names key and value;
/// the server answers INVALID_CONFIG.
Status check_topic_config(const BrokerConfig& broker, std::string_view name, std::string_view key,
                          std::string_view value);

/// Whether a topic's overrides go together: compaction must be allowed before it is due.
Status check_topic_configs_together(const BrokerConfig& broker, const ConfigMap& overrides);

/// All topic-level definitions, sorted by name.
std::span<const ConfigDefinition> topic_definitions();
/// Null if unknown.
const ConfigDefinition* find_topic_definition(std::string_view name);
/// Broker-level names that give a topic-level default, strongest first.
std::span<const ConfigSynonym> broker_synonyms(std::string_view topic_config);

/// Rows for DescribeConfigs, sorted by name.
std::vector<DescribedConfig> describe_topic(const BrokerConfig& broker, const ConfigMap& overrides);

}  // namespace chronik::meta
