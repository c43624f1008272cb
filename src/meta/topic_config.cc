#include "meta/topic_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "meta/broker_config.h"
#include "meta/config_tables.h"
#include "meta/topic_name.h"

namespace chronik::meta {

namespace {

const TopicRow* find_row(std::string_view name) {
  const auto rows = topic_rows();
  const auto at = std::ranges::lower_bound(rows, name, {}, [](const TopicRow& row) { return row.definition.name; });
  return at == rows.end() || at->definition.name != name ? nullptr : &*at;
}

bool honoured(const BrokerConfig& broker, const ConfigDefinition& definition, std::string_view value) {
  switch (definition.honoured) {
    case Honoured::fully:
      return true;
    case Honoured::default_only:
      break;
    case Honoured::synced_log:
      if (broker.wal_sync == WalSync::group) return true;
      break;
  }
  return same_value(definition, value, definition.default_value);
}

}  // namespace

void assign(CompressionType& into, std::string_view text) {
  if (text == "producer") into = CompressionType::producer;
  if (text == "uncompressed") into = CompressionType::uncompressed;
  if (text == "gzip") into = CompressionType::gzip;
  if (text == "snappy") into = CompressionType::snappy;
  if (text == "lz4") into = CompressionType::lz4;
  if (text == "zstd") into = CompressionType::zstd;
}

void assign(TimestampType& into, std::string_view text) {
  into = text == "LogAppendTime" ? TimestampType::log_append_time : TimestampType::create_time;
}

void store_cleanup_policy(TopicConfig& into, const ConfigDefinition& definition, std::string_view text) {
  if (!check_value(definition, text)) return;
  const auto items = parse_list(text);
  into.cleanup_delete = std::ranges::find(items, "delete") != items.end();
  into.cleanup_compact = std::ranges::find(items, "compact") != items.end();
}

TopicConfig resolve_topic_config(const BrokerConfig& broker, const ConfigMap& overrides) {
  TopicConfig config = broker.topic_defaults;
  for (const auto& [key, value] : overrides) {
    if (const TopicRow* row = find_row(key)) row->store(config, row->definition, value);
  }
  return config;
}

Status check_topic_config(const BrokerConfig& broker, std::string_view name, std::string_view key,
                          std::string_view value) {
  const TopicRow* const row = find_row(key);
  if (!row) return fail(Errc::invalid_argument, fmt::format("Unknown topic configuration {}", key));
  TRY_STATUS(check_value(row->definition, value));
  if (!honoured(broker, row->definition, value)) {
    return fail(Errc::unsupported, fmt::format("{}={} is not supported yet on topic {}: this build honours only {}",
                                               key, value, name, row->definition.default_value));
  }
  return {};
}

Status check_topic_configs_together(const BrokerConfig& broker, const ConfigMap& overrides) {
  const TopicConfig config = resolve_topic_config(broker, overrides);
  if (config.min_compaction_lag_ms <= config.max_compaction_lag_ms) return {};
  return fail(Errc::invalid_argument, fmt::format("min.compaction.lag.ms {} is larger than max.compaction.lag.ms {}",
                                                  config.min_compaction_lag_ms, config.max_compaction_lag_ms));
}

std::span<const ConfigDefinition> topic_definitions() {
  static const std::vector<ConfigDefinition> definitions = [] {
    std::vector<ConfigDefinition> all;
    for (const TopicRow& row : topic_rows()) all.push_back(row.definition);
    return all;
  }();
  return definitions;
}

const ConfigDefinition* find_topic_definition(std::string_view name) {
  const TopicRow* const row = find_row(name);
  return row ? &row->definition : nullptr;
}

std::span<const ConfigSynonym> broker_synonyms(std::string_view topic_config) {
  const TopicRow* const row = find_row(topic_config);
  if (!row) return {};
  return std::span(row->synonyms).first(row->synonym_count);
}

std::vector<DescribedConfig> describe_topic(const BrokerConfig& broker, const ConfigMap& overrides) {
  std::vector<DescribedConfig> rows;
  for (const TopicRow& row : topic_rows()) {
    DescribedConfig described;
    described.definition = &row.definition;
    const auto override_at = overrides.find(row.definition.name);
    const auto inherited = broker.topic_default(row.definition.name);
    if (override_at != overrides.end()) {
      described.value = override_at->second;
      described.source = ConfigSource::dynamic_topic;
      described.synonyms.push_back(
          {std::string(row.definition.name), override_at->second, false, ConfigSource::dynamic_topic});
    } else {
      described.value = inherited.text;
      described.source = inherited.source;
    }
    for (std::size_t i = 0; i < row.synonym_count; ++i)
      broker.append_synonyms(row.synonyms[i].name, described.synonyms);
    rows.push_back(std::move(described));
  }
  return rows;
}

}  // namespace chronik::meta
