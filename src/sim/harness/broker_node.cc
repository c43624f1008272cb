#include "sim/harness/broker_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "wal/format.h"

namespace chronik::sim {

namespace {

constexpr Duration kStartLimit = 120s;
constexpr Duration kRestartDelay = 500ms;

server::BrokerOptions broker_options(const std::string& name, std::uint64_t variant) {
  server::BrokerOptions options;
  options.data_directory = "data";
  options.listen = {name, 9092};
  // Small, so that files wrap, segments roll and budgets fill within a minute.
  meta::BrokerConfig& config = options.config;
  CHECK(meta::set(config, "group.initial.rebalance.delay.ms", "100"));
  CHECK(meta::set(config, "group.consumer.min.session.timeout.ms", "1000"));
  CHECK(meta::set(config, "group.consumer.session.timeout.ms", "6000"));
  CHECK(meta::set(config, "group.consumer.heartbeat.interval.ms", "1000"));
  CHECK(meta::set(config, "offsets.topic.num.partitions", "4"));
  CHECK(meta::set(config, "auto.create.topics.enable", "false"));
  CHECK(meta::set(config, "log.retention.check.interval.ms", "2000"));
  CHECK(meta::set(config, "log.cleaner.backoff.ms", "1000"));
  CHECK(meta::set(config, "offsets.retention.check.interval.ms", "3000"));
  if (variant % 4 == 0) CHECK(meta::set(config, "wal.linger.us", "2000"));
  config.wal_file_bytes = 256 << 10;
  config.wal_max_bytes = 2 << 20;
  return options;
}

}  // namespace

BrokerNode::BrokerNode(World& world, History& history, std::string name, std::uint64_t variant)
    : world_(world), history_(history), name_(std::move(name)), variant_(variant), machine_(world.machine(name_)) {}

BrokerNode::~BrokerNode() {
  drop();
}

task::Task<void> BrokerNode::start_broker(server::Broker& broker, std::shared_ptr<std::optional<Status>> into) {
  into->emplace(co_await broker.start());
}

void BrokerNode::start(std::size_t shards) {
  CHECK(!broker_);
  std::vector<env::Env*> envs;
  for (std::size_t i = 0; i < shards; ++i) envs.push_back(&machine_.env(i));
  shards_ = std::make_unique<shard::ShardSet>(envs);
  broker_ = std::make_unique<server::Broker>(*shards_, broker_options(name_, variant_));
  started_ = std::make_shared<std::optional<Status>>();
  started_at_ = world_.now();
  told_serving_ = false;
  shards_->at(std::size_t{0}).context().spawn("sim.start", start_broker(*broker_, started_));
  ++life_;
  was_full_ = false;
  history_.broker_life = life_;
  if (shards_before_ != 0 && shards_before_ != shards) history_.reached("started with another number of shards");
  shards_before_ = shards;
  history_.note(world_.now(), fmt::format("{} starts with {} shards", name_, shards));
}

void BrokerNode::drop() {
  if (!broker_) return;
  shards_->stop();
  broker_.reset();
  shards_.reset();
}

void BrokerNode::kill(Instant restart_at, std::size_t shards) {
  if (broker_) {
    collect_states();
    if (!serving()) history_.reached("killed while starting");
    // First the world goes; what the broker's destructors do has no effect any more.
    machine_.crash();
    drop();
    history_.note(world_.now(), name_ + " is killed");
  }
  restart_at_ = restart_at;
  next_shards_ = shards;
}

/// The files that took groups, by generation and shard, oldest first.
std::map<std::string, std::vector<std::string>> BrokerNode::used_wal_files() {
  std::map<std::string, std::vector<std::string>> logs;
  auto entries = machine_.list("data/wal");
  std::ranges::sort(entries, {}, &env::DirectoryEntry::name);
  for (const auto& entry : entries) {
    const auto bytes = machine_.read("data/wal/" + entry.name, 0, sizeof(wal::FileHeader));
    wal::FileHeader header;
    if (!bytes || bytes->size() < sizeof header) continue;
    std::memcpy(&header, bytes->data(), sizeof header);
    if (header.first != 0) logs[entry.name.substr(0, entry.name.rfind('-'))].push_back(entry.name);
  }
  return logs;
}

/// Of one kind, drawn: write-ahead files that are not the newest of their shard, or files of a suffix.
std::vector<std::string> BrokerNode::files_to_rot(Prng& prng) {
  constexpr std::string_view kSuffixes[] = {".log", ".log", ".index", ".timeindex", ".summary"};
  std::vector<std::string> files;
  const std::uint64_t kind = prng.below(12);
  if (kind < 6) {
    for (const auto& [shard, logs] : used_wal_files()) {
      if (logs.size() > 1) files.push_back("data/wal/" + logs.front());
    }
    return files;
  }
  for (const auto& entry : machine_.list("data")) {
    if (!entry.is_directory && kind == 6 && entry.name.starts_with("checkpoint-"))
      files.push_back("data/" + entry.name);
    if (!entry.is_directory || kind == 6 || entry.name == "wal" || entry.name == "meta") continue;
    for (const auto& file : machine_.list("data/" + entry.name)) {
      if (file.size > 0 && file.name.ends_with(kSuffixes[kind - 7])) {
        files.push_back("data/" + entry.name + "/" + file.name);
      }
    }
  }
  return files;
}

bool BrokerNode::rot(std::uint64_t dice) {
  Prng prng(dice);
  kill(world_.now() + 10ms, 1 + prng.below(4));
  const auto files = files_to_rot(prng);
  if (files.empty()) return false;
  const std::string& file = files[prng.below(files.size())];
  std::uint64_t size = 0;
  const std::size_t slash = file.rfind('/');
  for (const auto& entry : machine_.list(file.substr(0, slash))) {
    if (entry.name == file.substr(slash + 1)) size = entry.size;
  }
  const bool wal = file.starts_with("data/wal/");
  const std::uint64_t at =
      wal ? 4096 * (1 + prng.below(16)) + prng.below(600) : prng.below(std::max<std::uint64_t>(size, 1));
  if (!machine_.flip(file, at, static_cast<std::uint8_t>(1U << prng.below(8)))) return false;
  history_.note(world_.now(), fmt::format("byte {} of {} changes", at, file));
  expect_damage();
  return true;
}

void BrokerNode::expect_damage() {
  rotten_ = true;
  history_.damaged = true;
}

void BrokerNode::note_waits() {
  constexpr std::size_t kWaitsMax = 12;
  if (!broker_) return;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    const auto waits = shards_->at(i).context().in_flight();
    for (std::size_t w = 0; w < std::min(waits.size(), kWaitsMax); ++w) {
      history_.note(world_.now(), fmt::format("shard {} waits for {}: {:.3f} s, {:.3f} s left", i, waits[w].what,
                                              static_cast<double>(waits[w].age.count()) / 1e9,
                                              static_cast<double>(waits[w].left.count()) / 1e9));
    }
  }
}

bool BrokerNode::flushing() {
  if (!serving()) return false;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    if (broker_->at(i).has_log() && broker_->at(i).log().flushing()) return true;
  }
  return false;
}

/// A full disk is left again without a restart (law 7).
void BrokerNode::watch_full_disk() {
  bool full = false;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    full = full || (broker_->at(i).has_log() && broker_->at(i).log().disk_full());
  }
  if (was_full_ && !full) history_.reached("a full disk was left again");
  was_full_ = full;
}

std::optional<Error> BrokerNode::failure() {
  if (started_ && *started_ && !**started_) return (**started_).error();
  if (!serving()) return std::nullopt;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    server::ShardServer& shard = broker_->at(i);
    if (shard.has_log() && shard.log().wal().failure()) return shard.log().wal().failure();
  }
  return std::nullopt;
}

void BrokerNode::supervise() {
  if (!broker_) {
    if (restart_at_ && *restart_at_ <= world_.now()) {
      restart_at_.reset();
      start(next_shards_);
    }
    return;
  }
  if (serving()) watch_full_disk();
  if (serving() && !told_serving_) {
    told_serving_ = true;
    history_.note(world_.now(), name_ + " serves");
  }
  if (restart_at_ && *restart_at_ > world_.now()) return;
  if (auto error = failure()) {
    history_.note(world_.now(), fmt::format("{} gave up: {}", name_, error->message()));
    history_.reached(serving() ? "log directory went offline" : "start failed");
    if (error->code == Errc::corrupt && rotten_) {
      history_.reached("damage reported");
      refused_ = true;
      machine_.crash();
      return drop();
    }
    if (error->code == Errc::corrupt) {
      history_.violate("corruption", "the broker calls its own data corrupt: " + error->message());
    }
    kill(world_.now() + kRestartDelay, shards_->size());
    return;
  }
  if (!serving() && world_.now() - started_at_ > kStartLimit) {
    history_.violate("liveness", fmt::format("{} did not serve within {} s of its start", name_, kStartLimit / 1s));
    kill(world_.now() + kRestartDelay, shards_->size());
  }
}

void BrokerNode::check_invariants() {
  if (!serving()) return;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    server::ShardServer& shard = broker_->at(i);
    if (!shard.has_log()) continue;
    shard.log().wal().check_invariants();
    shard.log().check_invariants();
    shard.coordinator().check_invariants();
  }
}

void BrokerNode::check_quiet() {
  if (!serving()) return;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    server::ShardServer& shard = broker_->at(i);
    const std::size_t held = shard.request_budget().used() + shard.answer_budget().used();
    if (shard.connections() == 0 && held == 0) continue;
    history_.violate("memory", fmt::format("shard {}: without clients, {} connections and {} bytes are held", i,
                                           shard.connections(), held));
  }
}

/// What the process counted itself tells which corners this life has seen.
void BrokerNode::collect_states() {
  if (!serving()) return;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    if (shards_->at(i).context().detached() > 0) history_.reached("killed with an operation given up on");
    server::ShardServer& shard = broker_->at(i);
    if (!shard.has_log()) continue;
    if (shard.log().wal().stats().bytes_pending > 0) history_.reached("killed with a group in flight");
    if (shard.log().wal().stats().files > 2) history_.reached("killed with several write-ahead files");
    collect_metrics(shards_->at(i).context().metrics().snapshot());
  }
  collect_files();
}

void BrokerNode::collect_metrics(const std::vector<task::Sample>& samples) {
  constexpr std::pair<std::string_view, std::string_view> kCounters[] = {
      {"chronik_wal_torn_groups_total", "a torn tail was replayed"},
      {"chronik_replayed_frames_total", "records were replayed"},
      {"chronik_compacted_records_total", "compaction removed records"},
      {"chronik_flush_rounds_total", "tails were flushed"},
      {"chronik_damaged_reads_total", "a read met damaged data"},
      {"chronik_malformed_requests_total", "a malformed request was refused"},
  };
  for (const task::Sample& sample : samples) {
    for (const auto& [name, state] : kCounters) {
      if (sample.name == name && sample.value > 0) history_.reached(state, static_cast<std::uint64_t>(sample.value));
    }
    if (sample.name != "chronik_wal_commit_frames") continue;
    std::uint64_t several = 0;  // from bucket 2 on: two frames or more
    for (std::size_t i = 2; i < task::Histogram::kBuckets; ++i) several += sample.histogram.buckets()[i];
    if (several > 0) history_.reached("a group commit took several batches", several);
  }
}

void BrokerNode::collect_files() {
  for (const auto& entry : machine_.list("data")) {
    if (!entry.is_directory || entry.name == "wal" || entry.name == "meta") continue;
    std::size_t segments = 0;
    for (const auto& file : machine_.list("data/" + entry.name)) segments += file.name.ends_with(".log") ? 1 : 0;
    if (segments > 1) history_.reached("a partition had several segments");
  }
}

}  // namespace chronik::sim
