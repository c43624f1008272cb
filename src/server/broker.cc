#include "server/broker.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "log/recovery.h"
#include "task/io.h"

namespace chronik::server {

namespace {

Duration stall_of(const meta::BrokerConfig& config) {
  return std::chrono::milliseconds(config.disk_stall_timeout_ms);
}

wal::SyncMode sync_mode(meta::WalSync sync) {
  switch (sync) {
    case meta::WalSync::interval:
      return wal::SyncMode::interval;
    case meta::WalSync::none:
      return wal::SyncMode::none;
    case meta::WalSync::group:
      break;
  }
  return wal::SyncMode::group;
}

constexpr Duration kStartDeadline = 5min;
// One accept may be in flight, so its wait must not end before it: beyond the life of any process.
constexpr Duration kAcceptDeadline = 24h * 3650;
constexpr std::size_t kDescriptorsReserved = 64;  // for what is there once: write-ahead logs, metadata, listeners

std::string parent_of(const std::string& directory) {
  const auto end = directory.find_last_not_of('/');
  const auto slash = end == std::string::npos ? end : directory.rfind('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

}  // namespace

Broker::Broker(shard::ShardSet& shards, BrokerOptions options) : shards_(shards), options_(std::move(options)) {
  identity_.node_id = options_.config.node_id;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    servers_.push_back(std::make_unique<ShardServer>(*this, shards_.at(i), options_.config));
  }
}

Broker::~Broker() = default;

ShardId Broker::owner(const TopicPartition& id) const {
  // FNV-1a over identity and index: stable across builds, unlike std::hash.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (const std::uint8_t byte : id.topic.bytes) mix(byte);
  const auto index = static_cast<std::uint32_t>(id.partition.value());
  for (unsigned shift = 0; shift < 32; shift += 8) mix(static_cast<std::uint8_t>(index >> shift));
  return ShardId(static_cast<std::uint32_t>((hash >> 32) % shards_.size()));
}

task::Task<Status> Broker::prepare_directory() {
  task::Context& context = shards_.at(0).context();
  const Duration stall = stall_of(options_.config);
  const std::string& directory = options_.data_directory;
  CO_TRY_STATUS(co_await task::make_directory(context, directory, context.after(stall)));
  task::Operation<std::shared_ptr<void>> lock(context, "disk.lock", context.after(stall));
  context.disk().lock(directory + "/LOCK", lock.callback());
  auto locked = co_await lock;
  if (!locked) {
    if (locked.error().code != Errc::in_use) co_return std::unexpected(std::move(locked).error());
    co_return fail(Errc::in_use, "data directory " + directory + " is in use by another chronik-server");
  }
  lock_ = *std::move(locked);
  CO_TRY_STATUS(co_await task::make_directory(context, directory + "/wal", context.after(stall)));
  CO_TRY_STATUS(co_await task::sync_directory(context, directory, context.after(stall)));
  co_return co_await task::sync_directory(context, parent_of(directory), context.after(stall));
}

task::Task<Result<wal::Generation>> Broker::begin_generation() {
  shard::Shard& shard = shards_.at(0);
  task::Context& context = shard.context();
  const meta::ImagePtr image = metadata_->view(shard).image();
  if (image->generation().value() == 0) {
    // The very first start: from now on a missing checkpoint record means that one was lost.
    CO_TRY_STATUS(co_await task::write_file_atomically(context, options_.data_directory, "checkpoint-base",
                                                       log::encode(log::CheckpointRecord{}),
                                                       context.after(stall_of(options_.config))));
  }
  CO_TRY(const auto generation, co_await metadata_->allocate_generation(shard, context.after(kStartDeadline)));
  co_return wal::Generation(generation.value());
}

log::ShardLogOptions Broker::log_options(ShardId shard, wal::Generation generation) const {
  const meta::BrokerConfig& config = options_.config;
  log::ShardLogOptions options;
  options.directory = options_.data_directory;
  options.retention_check = std::chrono::milliseconds(config.log_retention_check_interval_ms);
  options.compaction_backoff = std::chrono::milliseconds(config.log_cleaner_backoff_ms);
  options.producer_expiration_ms = config.producer_id_expiration_ms;
  // Idle segment files get a quarter of the descriptors, those being flushed (six of a partition, more when segments
  // roll) another; connections, the write-ahead log and metadata have the rest.
  const std::size_t left =
      options_.descriptors > kDescriptorsReserved ? options_.descriptors - kDescriptorsReserved : 0;
  options.files_max = std::clamp<std::size_t>(left / 4, 16, 4096) / shards_.size();
  options.flush_parallel = std::clamp<std::size_t>(left / 32 / shards_.size(), 1, 16);
  options.wal.directory = options_.data_directory + "/wal";
  options.wal.log_id = log_id_;
  options.wal.generation = generation;
  options.wal.shard = shard;
  options.wal.bytes_max = static_cast<std::uint64_t>(config.wal_max_bytes) / shards_.size();
  options.wal.file_bytes = std::min(static_cast<std::uint64_t>(config.wal_file_bytes), options.wal.bytes_max / 4);
  options.wal.first_file_bytes = std::min(options.wal.first_file_bytes, options.wal.file_bytes);
  options.wal.stall_deadline = stall_of(config);
  options.wal.sync = sync_mode(config.wal_sync);
  options.wal.sync_interval = std::chrono::milliseconds(config.wal_sync_interval_ms);
  options.wal.linger = std::chrono::microseconds(config.wal_linger_us);
  return options;
}

task::Task<Status> Broker::open_logs(wal::Generation generation) {
  shard::Shard& first = shards_.at(0);
  task::Context& context = first.context();
  const Duration stall = stall_of(options_.config);
  const std::string& directory = options_.data_directory;
  CO_TRY(auto recovered, co_await log::recover_directory(context, directory, log_id_, generation, false, stall));
  const meta::ImagePtr image = metadata_->view(first).image();
  const auto known = [&](const TopicPartition& id) {
    const meta::TopicPtr topic = image->find(id.topic);
    return topic && topic->has(id.partition);
  };
  for (const auto& [id, past] : recovered.partitions) {
    if (known(id) || image->is_tombstone(id.topic) || past.frames.empty()) continue;
    co_return fail(Errc::corrupt, "the write-ahead log holds records of topic id " + id.topic.to_string() +
                                      ", which the metadata does not know: was the metadata restored from a backup?");
  }
  CO_TRY_STATUS(co_await log::consolidate(context, directory, generation, recovered, known, stall));
  auto& metrics = context.metrics();
  metrics.counter("chronik_replayed_frames_total", "Frames of the write-ahead log that the start read back")
      .add(recovered.report.frames);
  metrics.counter("chronik_wal_torn_groups_total", "Groups cut short by the end of the last run, never acknowledged")
      .add(recovered.report.torn_groups);
  if (recovered.report.torn_groups > 0) {
    spdlog::info("write-ahead log: {} torn group(s) at the end, never acknowledged", recovered.report.torn_groups);
  }
  std::vector<std::map<TopicPartition, log::RecoveredPartition>> shares(shards_.size());
  for (auto& [id, past] : recovered.partitions) {
    if (known(id)) shares[owner(id).value()][id] = std::move(past);
  }
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    auto body = [this, generation, share = std::move(shares[i])](shard::Shard& shard) mutable {
      return at(shard.id()).open(log_options(shard.id(), generation), std::move(share));
    };
    CO_TRY_STATUS(
        co_await shard::call(first, shards_.at(i), "broker.open_log", context.after(kStartDeadline), std::move(body)));
  }
  // Flushes what was replayed, shard by shard, in the background; then the old files go.
  context.spawn("broker.remove_old_wal", remove_old_wal(std::move(recovered.report.files)));
  co_return Status{};
}

task::Task<void> Broker::remove_old_wal(std::vector<std::string> files) {
  if (files.empty()) co_return;
  shard::Shard& first = shards_.at(0);
  task::Context& context = first.context();
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    for (;;) {
      auto flush = [this](shard::Shard& shard) {
        return at(shard.id()).log().flush_all(shard.context().after(kStartDeadline));
      };
      const Status status =
          co_await shard::call(first, shards_.at(i), "broker.flush_replayed", context.after(kStartDeadline), flush);
      if (status) break;
      if (status.error().code == Errc::storage_failed || stopping_) co_return;  // they stay for the next start
      co_await task::sleep_until(context, "broker.flush_replayed.retry", context.after(1s));
    }
  }
  const Duration stall = stall_of(options_.config);
  (void)co_await wal::remove_replayed(context, options_.data_directory + "/wal", std::move(files), stall);
}

task::Task<Status> Broker::start() {
  shard::Shard& first = shards_.at(0);
  CO_TRY_STATUS(co_await prepare_directory());
  meta::MetadataOptions options;
  options.broker = options_.config;
  CO_TRY(metadata_, co_await meta::Metadata::open(shards_, options_.data_directory + "/meta", options));
  identity_.cluster_id = metadata_->view(first).image()->cluster_id();
  // The first eight bytes of the identity's text: enough to tell one data directory's files from another's.
  std::uint64_t id = 0;
  std::memcpy(&id, identity_.cluster_id.data(), std::min(sizeof id, identity_.cluster_id.size()));
  log_id_ = wal::LogId(id);
  CO_TRY(const auto generation, co_await begin_generation());
  CO_TRY_STATUS(co_await open_logs(generation));
  CO_TRY(listener_, first.context().network().listen(options_.listen));
  listening_ = listener_->local();
  identity_.advertised = options_.advertise.value_or(listening_);
  if (identity_.advertised.port == 0) identity_.advertised.port = listening_.port;
  serving_ = true;
  first.context().spawn("broker.accept", accept_connections());
  co_return Status{};
}

task::Task<void> Broker::accept_connections() {
  shard::Shard& first = shards_.at(0);
  task::Context& context = first.context();
  std::size_t next = 0;
  while (!stopping_) {
    shard::Shard& target = shards_.at(next++ % shards_.size());
    task::Operation<env::StreamPtr> accepting(context, "listener.accept", context.after(kAcceptDeadline));
    listener_->accept(target.context().network(), accepting.callback());
    auto stream = co_await accepting;
    if (!stream) {
      if (stopping_ || stream.error().code == Errc::closed) co_return;
      continue;
    }
    if (&target == &first) {
      at(first.id()).adopt(*std::move(stream));
      continue;
    }
    env::Thunk hand_over = [this, &target, accepted = *std::move(stream)]() mutable {
      at(target.id()).adopt(std::move(accepted));
    };
    (void)co_await shards_.send(first, target, std::move(hand_over), context.after(10s));
  }
}

namespace {
/// No further requests; those that wait for other members of a group are answered.
task::Task<Status> stop_serving(ShardServer& server, Deadline until) {
  server.stop_reading();
  co_return co_await server.close_coordinator(until);
}

/// Ends the shard's connections: politely until half of the time is over, then not.
task::Task<Status> drain_connections(ShardServer& server, Deadline until) {
  task::Context& context = server.context();
  const Deadline polite(context.now() + (until.at - context.now()) / 2);
  while (server.connections() > 0) {
    if (co_await server.connection_ended().wait("broker.drain", polite) == task::Woken::timed_out) break;
  }
  server.close_connections();
  while (server.connections() > 0) {
    if (co_await server.connection_ended().wait("broker.drain", until) == task::Woken::timed_out) break;
  }
  co_return Status{};
}

task::Task<Status> close_log(ShardServer& server, Deadline until) {
  if (!server.has_log()) co_return Status{};
  co_return co_await server.log().close(until);
}
}  // namespace

task::Task<Status> Broker::stop(Deadline until) {
  stopping_ = true;
  serving_ = false;
  if (listener_) listener_->close();
  shard::Shard& first = shards_.at(0);
  task::Context& context = first.context();
  const Instant now = context.now();
  const Deadline drained(now + (until.at - now) / 2);
  Status result;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    auto body = [this, drained](shard::Shard& shard) { return stop_serving(at(shard.id()), drained); };
    (void)co_await shard::call(first, shards_.at(i), "broker.stop_serving", until, body);
  }
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    auto body = [this, drained](shard::Shard& shard) { return drain_connections(at(shard.id()), drained); };
    (void)co_await shard::call(first, shards_.at(i), "broker.stop", until, body);
  }
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    auto body = [this, until](shard::Shard& shard) { return close_log(at(shard.id()), until); };
    const Status status = co_await shard::call(first, shards_.at(i), "broker.close_log", until, body);
    if (!status) result = status;
  }
  co_return result;
}

}  // namespace chronik::server
