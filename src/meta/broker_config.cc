#include "meta/broker_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "meta/config_tables.h"

namespace chronik::meta {

namespace {

constexpr ConfigSource kLevelSource[] = {ConfigSource::dynamic_broker, ConfigSource::dynamic_default_broker,
                                         ConfigSource::static_broker};

const BrokerRow* find_row(std::string_view name) {
  const auto rows = broker_rows();
  const auto at = std::ranges::lower_bound(rows, name, {}, [](const BrokerRow& row) { return row.definition.name; });
  return at == rows.end() || at->definition.name != name ? nullptr : &*at;
}

/// Levenshtein's distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string nearest(std::string_view key) {
  constexpr std::size_t kFar = 6;  // edits; beyond it a hint would mislead
  std::size_t best = kFar;
  std::string_view name;
  for (const BrokerRow& row : broker_rows()) {
    const std::size_t d = distance(key.substr(0, 64), row.definition.name);
    if (d < best) {
      best = d;
      name = row.definition.name;
    }
  }
  return name.empty() ? std::string() : fmt::format(" (did you mean {}?)", name);
}

Status check_honoured(const BrokerRow& row, std::string_view value, bool synced) {
  const Honoured honoured = row.definition.honoured;
  if (honoured == Honoured::fully || (honoured == Honoured::synced_log && synced)) return {};
  if (same_value(row.definition, value, row.definition.default_value)) return {};
  return fail(Errc::unsupported,
              fmt::format("{}={} is not supported yet: this build honours only {}", row.definition.name, value,
                          row.definition.unset ? "leaving it out" : row.definition.default_value));
}

}  // namespace

void assign(WalSync& into, std::string_view text) {
  if (text == "group") into = WalSync::group;
  if (text == "interval") into = WalSync::interval;
  if (text == "none") into = WalSync::none;
}

void assign(DiskBackendChoice& into, std::string_view text) {
  if (text == "auto") into = DiskBackendChoice::automatic;
  if (text == "io_uring") into = DiskBackendChoice::io_uring;
  if (text == "threads") into = DiskBackendChoice::threads;
}

BrokerConfig::BrokerConfig() {
  recompute();
}

std::optional<BrokerConfig::Value> BrokerConfig::explicit_value(std::string_view name) const {
  for (std::size_t level = 0; level < kLevels; ++level) {
    const auto at = levels_[level].find(name);
    if (at != levels_[level].end()) return Value{at->second, kLevelSource[level]};
  }
  return std::nullopt;
}

std::optional<BrokerConfig::Value> BrokerConfig::value(std::string_view name) const {
  if (auto found = explicit_value(name)) return found;
  const BrokerRow* const row = find_row(name);
  if (!row || row->definition.unset) return std::nullopt;
  return Value{std::string(row->definition.default_value), ConfigSource::default_value};
}

BrokerConfig::Value BrokerConfig::topic_default(std::string_view topic_config) const {
  for (const ConfigSynonym& synonym : broker_synonyms(topic_config)) {
    auto found = explicit_value(synonym.name);
    if (!found) continue;
    if (synonym.multiplier != 1) {
      const BrokerRow* const row = find_row(synonym.name);
      const auto number = parse_integer(row->definition, found->text);
      if (!number) continue;
      found->text = std::to_string(*number < 0 ? -1 : *number * synonym.multiplier);
    }
    return *found;
  }
  const ConfigDefinition* const definition = find_topic_definition(topic_config);
  return {definition ? std::string(definition->default_value) : std::string(), ConfigSource::default_value};
}

void BrokerConfig::append_synonyms(std::string_view name, std::vector<DescribedConfig::Synonym>& into) const {
  for (std::size_t level = 0; level < kLevels; ++level) {
    const auto at = levels_[level].find(name);
    if (at != levels_[level].end()) into.push_back({std::string(name), at->second, false, kLevelSource[level]});
  }
  const BrokerRow* const row = find_row(name);
  if (!row || row->definition.unset) return;
  into.push_back({std::string(name), std::string(row->definition.default_value), false, ConfigSource::default_value});
}

void BrokerConfig::recompute() {
  for (const BrokerRow& row : broker_rows()) {
    if (!row.store) continue;
    if (const auto current = value(row.definition.name)) row.store(*this, row.definition, current->text);
  }
  for (const TopicRow& row : topic_rows()) {
    row.store(topic_defaults, row.definition, topic_default(row.definition.name).text);
  }
}

BrokerConfig BrokerConfig::with_dynamic(const Image& image) const {
  BrokerConfig config = *this;
  const auto lay = [this, &config](Level level, const ConfigMap& overrides) {
    config.levels_[level].clear();
    for (const auto& [key, text] : overrides) {
      if (check_dynamic(*this, key, text)) config.levels_[level].emplace(key, text);
    }
  };
  lay(kDynamicDefault, image.broker_configs(kEveryBroker));
  lay(kDynamicBroker, image.broker_configs(node_id));
  config.recompute();
  return config;
}

Status set(BrokerConfig& config, std::string_view key, std::string_view value) {
  const BrokerRow* const row = find_row(key);
  if (!row) return fail(Errc::invalid_argument, fmt::format("unknown configuration {}{}", key, nearest(key)));
  TRY_STATUS(check_value(row->definition, value));
  // wal.sync may come later: check() looks again.
  TRY_STATUS(check_honoured(*row, value, true));
  config.levels_[BrokerConfig::kStatic].insert_or_assign(std::string(key), std::string(value));
  config.recompute();
  return {};
}

Status check(const BrokerConfig& config) {
  const auto at_most = [](std::string_view low_name, std::int64_t low, std::string_view high_name,
                          std::int64_t high) -> Status {
    if (low <= high) return {};
    return fail(Errc::invalid_argument,
                fmt::format("{}={} must not be greater than {}={}", low_name, low, high_name, high));
  };
  TRY_STATUS(at_most("group.min.session.timeout.ms", config.group_min_session_timeout_ms,
                     "group.max.session.timeout.ms", config.group_max_session_timeout_ms));
  TRY_STATUS(at_most("group.consumer.min.session.timeout.ms", config.group_consumer_min_session_timeout_ms,
                     "group.consumer.session.timeout.ms", config.group_consumer_session_timeout_ms));
  TRY_STATUS(at_most("group.consumer.session.timeout.ms", config.group_consumer_session_timeout_ms,
                     "group.consumer.max.session.timeout.ms", config.group_consumer_max_session_timeout_ms));
  TRY_STATUS(at_most("wal.file.bytes", config.wal_file_bytes, "wal.max.bytes", config.wal_max_bytes));
  TRY_STATUS(at_most("message.max.bytes", config.topic_defaults.max_message_bytes, "socket.request.max.bytes",
                     config.socket_request_max_bytes));
  TRY_STATUS(at_most("socket.request.max.bytes", config.socket_request_max_bytes, "memory.budget.bytes",
                     config.memory_budget_bytes));
  if (config.listeners.empty()) return fail(Errc::invalid_argument, "listeners must not be empty");
  if (config.log_dirs.empty()) return fail(Errc::invalid_argument, "log.dirs must not be empty");
  for (const TopicRow& row : topic_rows()) {
    TRY_STATUS(check_topic_config(config, "", row.definition.name, config.topic_default(row.definition.name).text));
  }
  return {};
}

std::span<const ConfigDefinition> broker_definitions() {
  static const std::vector<ConfigDefinition> definitions = [] {
    std::vector<ConfigDefinition> all;
    for (const BrokerRow& row : broker_rows()) all.push_back(row.definition);
    return all;
  }();
  return definitions;
}

const ConfigDefinition* find_broker_definition(std::string_view name) {
  const BrokerRow* const row = find_row(name);
  return row ? &row->definition : nullptr;
}

Status check_dynamic(const BrokerConfig& config, std::string_view key, std::string_view value) {
  const BrokerRow* const row = find_row(key);
  if (!row) return fail(Errc::invalid_argument, fmt::format("Unknown broker configuration {}{}", key, nearest(key)));
  if (!row->definition.dynamic) {
    return fail(Errc::invalid_argument, fmt::format("{} cannot be changed while the broker runs", key));
  }
  TRY_STATUS(check_value(row->definition, value));
  return check_honoured(*row, value, config.wal_sync == WalSync::group);
}

std::vector<DescribedConfig> describe_broker(const BrokerConfig& config) {
  std::vector<DescribedConfig> rows;
  for (const BrokerRow& row : broker_rows()) {
    DescribedConfig described;
    described.definition = &row.definition;
    described.read_only = !row.definition.dynamic;
    if (const auto current = config.value(row.definition.name)) {
      described.value = current->text;
      described.source = current->source;
    } else {
      described.null = true;
    }
    config.append_synonyms(row.definition.name, described.synonyms);
    rows.push_back(std::move(described));
  }
  return rows;
}

}  // namespace chronik::meta
