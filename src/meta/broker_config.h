// BrokerConfig: every setting of one broker, typed, with where each value came from. A value passed by copy to whom it
// concerns; there is no global one. Static values come from file and command line, dynamic ones from the metadata.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "meta/config_definition.h"
#include "meta/image.h"
#include "meta/topic_config.h"

namespace chronik::meta {

enum class WalSync : std::uint8_t { group, interval, none };
enum class DiskBackendChoice : std::uint8_t { automatic, io_uring, threads };

/// Units are in the names. -1 means "no limit" where Kafka says so.
struct BrokerSettings {
  BrokerId node_id{1};
  std::string cluster_id;  // of a new cluster; empty: random
  std::string rack;
  std::string listeners;
  std::string advertised_listeners;
  std::string admin_listeners;
  std::string log_dirs;

  std::int32_t num_partitions = 0;
  std::int16_t default_replication_factor = 0;
  bool auto_create_topics = false;
  bool delete_topics = false;

  std::int64_t log_retention_check_interval_ms = 0;
  std::int64_t log_cleaner_backoff_ms = 0;
  std::int32_t socket_request_max_bytes = 0;
  std::int64_t connections_max_idle_ms = 0;
  std::int64_t checkpoints_scrub_interval_ms = 0;  // 0: never
  std::int32_t max_connections = 0;

  std::int32_t group_initial_rebalance_delay_ms = 0;
  std::int32_t group_min_session_timeout_ms = 0;
  std::int32_t group_max_session_timeout_ms = 0;
  std::int32_t group_max_size = 0;
  std::int32_t group_consumer_session_timeout_ms = 0;
  std::int32_t group_consumer_min_session_timeout_ms = 0;
  std::int32_t group_consumer_max_session_timeout_ms = 0;
  std::int32_t group_consumer_heartbeat_interval_ms = 0;
  std::int32_t group_consumer_max_size = 0;
  std::int32_t group_consumer_regex_refresh_interval_ms = 0;
  std::string group_consumer_assignors;  // a list
  std::string group_consumer_migration_policy;
  std::int32_t offsets_retention_minutes = 0;
  std::int32_t offsets_topic_num_partitions = 0;
  std::int64_t offsets_retention_check_interval_ms = 0;
  std::int32_t offset_metadata_max_bytes = 0;

  std::int32_t fetch_max_bytes = 0;
  std::int32_t fetch_session_cache_slots = 0;
  std::int32_t producer_id_expiration_ms = 0;
  std::int32_t transaction_max_timeout_ms = 0;
  std::int32_t transaction_topic_num_partitions = 0;
  std::int32_t transactional_id_expiration_ms = 0;

  std::int64_t wal_max_bytes = 0;  // all shards together
  std::int64_t wal_file_bytes = 0;
  WalSync wal_sync = WalSync::group;
  std::int64_t wal_sync_interval_ms = 0;
  std::int64_t wal_linger_us = 0;
  DiskBackendChoice disk_backend = DiskBackendChoice::automatic;
  std::int64_t disk_stall_timeout_ms = 0;
  std::int64_t memory_budget_bytes = 0;
  std::int32_t shards = 0;  // 0: chosen by the program
  std::string checkpoints_key_file;

  TopicConfig topic_defaults;  // what a topic without overrides gets
};

class BrokerConfig : public BrokerSettings {
 public:
  /// All defaults.
  BrokerConfig();

  /// The text in force for a broker-level name and where it comes from; nothing if the name has no value.
  struct Value {
    std::string text;
    ConfigSource source = ConfigSource::default_value;
  };
  std::optional<Value> value(std::string_view name) const;
  /// The text in force for a topic-level name on topics that do not override it, in that name's unit.
  Value topic_default(std::string_view topic_config) const;
  /// Adds every value set for a broker-level name, and its default, strongest first.
  void append_synonyms(std::string_view name, std::vector<DescribedConfig::Synonym>& into) const;

  /// This configuration with the dynamic overrides of `image` for `node_id` laid over the static values. Overrides that
  /// this build does not know are skipped.
  BrokerConfig with_dynamic(const Image& image) const;

 private:
  friend Status set(BrokerConfig& config, std::string_view key, std::string_view value);
  enum Level : std::uint8_t { kDynamicBroker, kDynamicDefault, kStatic, kLevels };

  /// The strongest explicit value.
  std::optional<Value> explicit_value(std::string_view name) const;
  void recompute();

  std::array<ConfigMap, kLevels> levels_;  // checked values only
};

/// Sets a static value, from file or command line. invalid_argument, in one line, for an unknown key (with the nearest
/// known one), a bad value, or one this build does not honour.
Status set(BrokerConfig& config, std::string_view key, std::string_view value);
/// What no single value shows: group.min > group.max and the like. Call once after the last set().
Status check(const BrokerConfig& config);

/// All broker-level definitions, sorted by name.
std::span<const ConfigDefinition> broker_definitions();
/// Null if unknown.
const ConfigDefinition* find_broker_definition(std::string_view name);

/// For IncrementalAlterConfigs of a broker: the change is to a known, dynamic key and its value is good.
Status check_dynamic(const BrokerConfig& config, std::string_view key, std::string_view value);

/// Rows for DescribeConfigs, sorted by name.
std::vector<DescribedConfig> describe_broker(const BrokerConfig& config);

}  // namespace chronik::meta
