#include "server/shard_server.h"

#include <spdlog/spdlog.h>

#include "coord/metadata_topics.h"
#include "server/broker.h"
#include "server/connection.h"

namespace chronik::server {

namespace {
/// An eighth of the budget for groups (three quarters of it) and transactions, half of the rest each for what comes in
/// and what goes out; shared evenly by the shards.
std::size_t group_share(const meta::BrokerConfig& config, std::size_t shards) {
  return static_cast<std::size_t>(config.memory_budget_bytes) / 8 / shards;
}
std::size_t share(const meta::BrokerConfig& config, std::size_t shards) {
  return (static_cast<std::size_t>(config.memory_budget_bytes) / shards - group_share(config, shards)) / 2;
}
}  // namespace

ShardServer::ShardServer(Broker& broker, shard::Shard& shard, const meta::BrokerConfig& config)
    : broker_(broker),
      shard_(shard),
      request_budget_(shard.context(), "memory.requests", share(config, shard.set().size())),
      answer_budget_(shard.context(), "memory.answers", share(config, shard.set().size())),
      fetch_sessions_(shard.context().env().entropy.next(),
                      static_cast<std::size_t>(config.fetch_session_cache_slots) / shard.set().size()),
      metrics_(shard.context().metrics()),
      connection_ended_(shard.context()) {
  auto& metrics = shard.context().metrics();
  metrics.gauge("chronik_connections", "Open client connections", [this] { return static_cast<double>(connections_); });
  const auto budget = [&](const char* name, task::Budget& of) {
    metrics.gauge("chronik_memory_budget_used_bytes", "Memory charged to a budget",
                  [&of] { return static_cast<double>(of.used()); }, {{"budget", name}});
    metrics.gauge("chronik_memory_budget_limit_bytes", "Limit of a budget",
                  [&of] { return static_cast<double>(of.limit()); }, {{"budget", name}});
  };
  metrics.gauge("chronik_shard_ring_queue", "Messages of other shards not yet taken",
                [this] { return static_cast<double>(shard_.set().queued(shard_.id())); });
  budget("requests", request_budget_);
  budget("answers", answer_budget_);
}

meta::Metadata& ShardServer::metadata() {
  return broker_.metadata();
}
meta::MetadataView& ShardServer::view() {
  return broker_.metadata().view(shard_);
}
const BrokerIdentity& ShardServer::identity() const {
  return broker_.identity();
}
std::int32_t ShardServer::request_bytes_max() {
  return view().broker().socket_request_max_bytes;
}
Duration ShardServer::idle_max() {
  const std::int64_t ms = view().broker().connections_max_idle_ms;
  constexpr std::int64_t kLongest = 24LL * 3600 * 1000;  // "no limit" still has a deadline
  return std::chrono::milliseconds(ms < 0 ? kLongest : std::min(ms, kLongest));
}

coord::GroupConfig ShardServer::group_settings() {
  return coord::group_config(view().broker(), group_share(broker_.options().config, shard_.set().size()) / 4 * 3);
}

coord::TransactionConfig ShardServer::transaction_settings() {
  const meta::BrokerSettings& broker = view().broker();
  coord::TransactionConfig config;
  config.topic_partitions = broker.transaction_topic_num_partitions;
  config.timeout_max_ms = broker.transaction_max_timeout_ms;
  config.id_expiration_ms = broker.transactional_id_expiration_ms;
  config.memory_bytes_max = group_share(broker_.options().config, shard_.set().size()) / 4;
  return config;
}

bool ShardServer::mine(const TopicPartition& id) const {
  return broker_.owner(id) == shard_.id();
}

namespace {

std::optional<wire::Codec> codec_of(meta::CompressionType type) {
  switch (type) {
    case meta::CompressionType::producer:
      return std::nullopt;
    case meta::CompressionType::uncompressed:
      return wire::Codec::none;
    case meta::CompressionType::gzip:
      return wire::Codec::gzip;
    case meta::CompressionType::snappy:
      return wire::Codec::snappy;
    case meta::CompressionType::lz4:
      return wire::Codec::lz4;
    case meta::CompressionType::zstd:
      return wire::Codec::zstd;
  }
  return std::nullopt;
}

}  // namespace

log::LogConfig log_config(const meta::TopicConfig& topic, Duration stall) {
  log::LogConfig config;
  config.segments.segment_bytes = static_cast<std::uint64_t>(topic.segment_bytes);
  config.segments.segment_age = std::chrono::milliseconds(std::min(topic.segment_ms, std::int64_t{1} << 42));
  config.segments.index_interval_bytes = static_cast<std::uint32_t>(topic.index_interval_bytes);
  config.segments.index_bytes_max = static_cast<std::uint32_t>(topic.segment_index_bytes);
  config.segments.stall_deadline = stall;
  config.retention_ms = topic.retention_ms;
  config.retention_bytes = topic.retention_bytes;
  config.max_message_bytes = topic.max_message_bytes;
  config.codec = codec_of(topic.compression_type);
  config.log_append_time = topic.timestamp_type == meta::TimestampType::log_append_time;
  config.timestamp_before_max_ms = topic.timestamp_before_max_ms;
  config.timestamp_after_max_ms = topic.timestamp_after_max_ms;
  config.compact = topic.cleanup_compact;
  config.remove = topic.cleanup_delete;
  config.delete_retention_ms = topic.delete_retention_ms;
  config.min_cleanable_dirty_ratio = topic.min_cleanable_dirty_ratio;
  config.min_compaction_lag_ms = topic.min_compaction_lag_ms;
  config.max_compaction_lag_ms = topic.max_compaction_lag_ms;
  if (config.compact) {
    // What may wait no longer than that must not stay in the active segment for longer.
    const std::int64_t age_ms = std::min({topic.segment_ms, topic.max_compaction_lag_ms, std::int64_t{1} << 42});
    config.segments.segment_age = std::chrono::milliseconds(age_ms);
  }
  return config;
}

task::Task<Status> ShardServer::open(log::ShardLogOptions options,
                                     std::map<TopicPartition, log::RecoveredPartition> recovered) {
  const Duration stall = options.wal.stall_deadline;
  CO_TRY(log_, co_await log::ShardLog::open(context(), std::move(options)));
  publish_log_metrics();
  const meta::ImagePtr image = view().image();
  for (auto& [id, past] : recovered) {
    const meta::TopicPtr topic = image->find(id.topic);
    if (!topic || !topic->has(id.partition)) continue;
    const log::PartitionSpec spec{topic->name, id,
                                  topic->partitions[static_cast<std::size_t>(id.partition.value())].leader_epoch,
                                  log_config(view().topic_config(*topic), stall)};
    auto created = co_await log_->create_recovered(spec, std::move(past));
    if (!created) co_return std::unexpected(std::move(created).error());
  }
  group_topics_ = std::make_unique<coord::MetadataTopics>(metadata(), shard_);
  coordinator_ = std::make_unique<coord::GroupCoordinator>(shard_, *group_topics_, group_settings());
  transactions_ = std::make_unique<coord::TransactionCoordinator>(shard_, *group_topics_, transaction_peers_,
                                                                  transaction_settings());
  view().listen([this](const meta::ImagePtr& old, const meta::ImagePtr& now) { follow(*old, *now); });
  open_ = true;
  co_return Status{};
}

void ShardServer::publish_log_metrics() {
  auto& metrics = context().metrics();
  const auto wal_gauge = [&](const char* name, const char* help, auto read) {
    metrics.gauge(name, help, [this, read] { return static_cast<double>(read(log_->wal().stats())); });
  };
  wal_gauge("chronik_wal_held_bytes", "Size of all write-ahead log files",
            [](const wal::Stats& s) { return s.bytes_held; });
  wal_gauge("chronik_wal_pending_bytes", "Reserved and not yet written",
            [](const wal::Stats& s) { return s.bytes_pending; });
  wal_gauge("chronik_wal_files", "Write-ahead log files", [](const wal::Stats& s) { return s.files; });
  metrics.gauge("chronik_partitions", "Partitions of this shard",
                [this] { return static_cast<double>(log_->partitions().size()); });
  metrics.gauge("chronik_tail_bytes", "Record batches in memory tails", [this] {
    double bytes = 0;
    for (const auto& [id, partition] : log_->partitions()) bytes += static_cast<double>(partition->tail_bytes());
    return bytes;
  });
  metrics.gauge("chronik_log_directory_online", "0 once the log directory has failed",
                [this] { return log_->failure() ? 0.0 : 1.0; });
  metrics.gauge("chronik_log_directory_full", "1 while there is no space left",
                [this] { return log_->disk_full() ? 1.0 : 0.0; });
}

/// Makes the shard's partitions what the metadata says: creates, deletes, reconfigures.
void ShardServer::follow(const meta::Image& old, const meta::Image& now) {
  forget_deleted(old, now);
  const BrokerId self = identity().node_id;
  const bool defaults_changed = old.broker_configs(meta::kEveryBroker) != now.broker_configs(meta::kEveryBroker) ||
                                old.broker_configs(self) != now.broker_configs(self);
  if (defaults_changed) coordinator_->set_config(group_settings());
  if (defaults_changed) transactions_->set_config(transaction_settings());
  const Duration stall = log_->options().wal.stall_deadline;
  for (const meta::TopicPtr& topic : now.topics()) {
    const meta::TopicPtr before = old.find(topic->id);
    if (before == topic && !defaults_changed) continue;
    follow_topic(*topic, before ? before->partition_count() : 0, log_config(view().topic_config(*topic), stall));
  }
}

void ShardServer::forget_deleted(const meta::Image& old, const meta::Image& now) {
  bool any = false;
  for (const meta::TopicPtr& topic : old.topics()) {
    if (now.find(topic->id)) continue;
    any = true;
    for (std::int32_t i = 0; i < topic->partition_count(); ++i) {
      const TopicPartition id{topic->id, PartitionIndex(i)};
      if (topic->name == meta::kOffsetsTopic && mine(id)) coordinator_->disown(id.partition);
      if (topic->name == meta::kTransactionTopic && mine(id)) transactions_->disown(id.partition);
      log_->remove(id);
    }
  }
  if (any) coordinator_->topics_changed();
}

void ShardServer::follow_topic(const meta::Topic& topic, std::int32_t partitions_before, const log::LogConfig& config) {
  for (std::int32_t i = 0; i < topic.partition_count(); ++i) {
    const TopicPartition id{topic.id, PartitionIndex(i)};
    if (!mine(id)) continue;
    log::PartitionPtr partition = log_->find(id);
    if (partition) {
      partition->set_config(config);
    } else {
      const LeaderEpoch epoch = topic.partitions[static_cast<std::size_t>(i)].leader_epoch;
      partition = log_->create({topic.name, id, epoch, config});
    }
    if (i < partitions_before) continue;
    if (topic.name == meta::kOffsetsTopic) coordinator_->own(id.partition, partition);
    if (topic.name == meta::kTransactionTopic) transactions_->own(id.partition, partition);
  }
}

void ShardServer::report_damage(const Error& error) {
  metrics_.damaged();
  const Instant now = context().now();
  if (damage_reported_ != Instant{} && now - damage_reported_ < 1s) return;
  damage_reported_ = now;
  spdlog::error("damaged data on disk, reported to the reader: {}", error.message());
}

namespace {
task::Task<void> run_connection(std::shared_ptr<Connection> connection, std::function<void()> ended) {
  co_await connection->run();
  ended();
}
}  // namespace

void ShardServer::adopt(env::StreamPtr stream) {
  const auto limit = static_cast<std::size_t>(view().broker().max_connections) / shard_.set().size() + 1;
  if (stopping_ || connections_ >= limit) {
    metrics_.connection_refused();
    stream->close();
    return;
  }
  const std::uint64_t id = ++next_connection_ * shard_.set().size() + shard_.id().value();
  auto connection = std::make_shared<Connection>(*this, std::move(stream), id);
  live_[id] = connection.get();
  ++connections_;
  context().spawn("connection", run_connection(connection, [this, id] {
                    live_.erase(id);
                    --connections_;
                    connection_ended_.notify_all();
                  }));
}

void ShardServer::stop_reading() {
  stopping_ = true;
  for (const auto& [id, connection] : live_) connection->stop_reading();
}

task::Task<Status> ShardServer::close_coordinator(Deadline until) {
  if (coordinator_) co_await coordinator_->close(until);
  if (transactions_) co_await transactions_->close(until);
  co_return Status{};
}

void ShardServer::close_connections() {
  for (const auto& [id, connection] : live_) connection->close();
}

}  // namespace chronik::server
