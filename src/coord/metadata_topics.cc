#include "coord/metadata_topics.h"

#include <algorithm>

namespace chronik::coord {

namespace {
std::optional<TopicInfo> info(const meta::TopicPtr& topic) {
  if (!topic) return std::nullopt;
  return TopicInfo{topic->name, topic->id, topic->partition_count()};
}
}  // namespace

std::optional<TopicInfo> MetadataTopics::find(std::string_view name) const {
  return info(metadata_.view(shard_).image()->find(name));
}

std::optional<TopicInfo> MetadataTopics::find(TopicId id) const {
  return info(metadata_.view(shard_).image()->find(id));
}

std::vector<std::string> MetadataTopics::names(std::string_view after, std::size_t limit) const {
  const meta::ImagePtr image = metadata_.view(shard_).image();
  const auto topics = image->topics();
  const auto name_of = [](const meta::TopicPtr& topic) { return std::string_view(topic->name); };
  std::vector<std::string> names;
  for (auto at = std::ranges::upper_bound(topics, after, {}, name_of); at != topics.end() && names.size() < limit;
       ++at) {
    names.push_back((*at)->name);
  }
  return names;
}

std::int64_t MetadataTopics::version() const {
  return static_cast<std::int64_t>(metadata_.view(shard_).image()->index().value());
}

task::Task<Status> MetadataTopics::create_offsets_topic(std::int32_t partitions, Deadline until) {
  const std::string name(meta::kOffsetsTopic);
  if (find(name)) co_return Status{};
  std::vector<meta::TopicRequest> topics;
  topics.push_back(
      {.name = name,
       .partitions = partitions,
       .replication_factor = -1,
       .configs = {{"cleanup.policy", "compact"}, {"compression.type", "producer"}, {"segment.bytes", "104857600"}}});
  CO_TRY(const auto created, co_await meta::create_topics(metadata_, shard_, std::move(topics), false, until));
  const meta::ItemOutcome& outcome = created.front().outcome;
  // Another shard may have been first.
  if (outcome.ok() || outcome.error == wire::ErrorCode::topic_already_exists) co_return Status{};
  co_return fail(Errc::invalid_argument, name + ": " + outcome.message);
}

namespace {
MigrationPolicy migration_policy(std::string_view name) {
  if (name == "upgrade") return MigrationPolicy::upgrade;
  if (name == "downgrade") return MigrationPolicy::downgrade;
  if (name == "disabled") return MigrationPolicy::disabled;
  return MigrationPolicy::bidirectional;
}
}  // namespace

GroupConfig group_config(const meta::BrokerSettings& broker, std::size_t memory_bytes_max) {
  GroupConfig config;
  config.initial_rebalance_delay = std::chrono::milliseconds(broker.group_initial_rebalance_delay_ms);
  config.min_session_timeout_ms = broker.group_min_session_timeout_ms;
  config.max_session_timeout_ms = broker.group_max_session_timeout_ms;
  config.group_max_size = broker.group_max_size;
  config.consumer_session_timeout_ms = broker.group_consumer_session_timeout_ms;
  config.consumer_heartbeat_interval_ms = broker.group_consumer_heartbeat_interval_ms;
  config.consumer_max_size = broker.group_consumer_max_size;
  config.consumer_assignors = meta::parse_list(broker.group_consumer_assignors);
  config.consumer_migration = migration_policy(broker.group_consumer_migration_policy);
  config.consumer_regex_refresh_ms = broker.group_consumer_regex_refresh_interval_ms;
  config.offset_metadata_max_bytes = broker.offset_metadata_max_bytes;
  config.offsets_retention_ms = std::int64_t{broker.offsets_retention_minutes} * 60 * 1000;
  config.offsets_retention_check = std::chrono::milliseconds(broker.offsets_retention_check_interval_ms);
  config.offsets_topic_partitions = broker.offsets_topic_num_partitions;
  config.memory_bytes_max = memory_bytes_max;
  return config;
}

}  // namespace chronik::coord
