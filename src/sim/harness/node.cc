#include "sim/harness/node.h"

#include <fmt/format.h>

#include <vector>

namespace chronik::sim {

namespace {

constexpr Duration kStartLimit = 120s;
constexpr Duration kRestartDelay = 500ms;

server::BrokerOptions broker_options(const std::string& name) {
  server::BrokerOptions options;
  options.data_directory = "data";
  options.listen = {name, 9092};
  // Small, so that files wrap, segments roll and budgets fill within a minute.
  meta::BrokerConfig& config = options.config;
  CHECK(meta::set(config, "group.initial.rebalance.delay.ms", "100"));
  CHECK(meta::set(config, "offsets.topic.num.partitions", "4"));
  CHECK(meta::set(config, "auto.create.topics.enable", "false"));
  CHECK(meta::set(config, "log.retention.check.interval.ms", "2000"));
  config.wal_file_bytes = 256 << 10;
  config.wal_max_bytes = 2 << 20;
  return options;
}

}  // namespace

Node::Node(World& world, History& history, std::string name)
    : world_(world), history_(history), name_(std::move(name)), machine_(world.machine(name_)) {}

Node::~Node() {
  drop();
}

task::Task<void> Node::start_broker(server::Broker& broker, std::shared_ptr<std::optional<Status>> into) {
  into->emplace(co_await broker.start());
}

void Node::start(std::size_t shards) {
  CHECK(!broker_);
  std::vector<env::Env*> envs;
  for (std::size_t i = 0; i < shards; ++i) envs.push_back(&machine_.env(i));
  shards_ = std::make_unique<shard::ShardSet>(envs);
  broker_ = std::make_unique<server::Broker>(*shards_, broker_options(name_));
  started_ = std::make_shared<std::optional<Status>>();
  started_at_ = world_.now();
  told_serving_ = false;
  shards_->at(std::size_t{0}).context().spawn("sim.start", start_broker(*broker_, started_));
  history_.note(world_.now(), fmt::format("{} starts with {} shards", name_, shards));
}

void Node::drop() {
  if (!broker_) return;
  shards_->stop();
  broker_.reset();
  shards_.reset();
}

void Node::kill(Instant restart_at, std::size_t shards) {
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

std::optional<Error> Node::failure() {
  if (started_ && *started_ && !**started_) return (**started_).error();
  if (!serving()) return std::nullopt;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    server::ShardServer& shard = broker_->at(i);
    if (shard.has_log() && shard.log().wal().failure()) return *shard.log().wal().failure();
  }
  return std::nullopt;
}

void Node::supervise() {
  if (!broker_) {
    if (restart_at_ && *restart_at_ <= world_.now()) {
      restart_at_.reset();
      start(next_shards_);
    }
    return;
  }
  if (serving() && !told_serving_) {
    told_serving_ = true;
    history_.note(world_.now(), name_ + " serves");
  }
  if (restart_at_ && *restart_at_ > world_.now()) return;
  if (auto error = failure()) {
    history_.note(world_.now(), fmt::format("{} gave up: {}", name_, error->message()));
    history_.reached(serving() ? "log directory failed" : "start failed");
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

void Node::check_invariants() {
  if (!serving()) return;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    server::ShardServer& shard = broker_->at(i);
    if (!shard.has_log()) continue;
    shard.log().wal().check_invariants();
    shard.log().check_invariants();
    shard.coordinator().check_invariants();
  }
}

/// What the process counted itself tells which corners this life has seen.
void Node::collect_states() {
  if (!serving()) return;
  for (std::size_t i = 0; i < shards_->size(); ++i) {
    if (shards_->at(i).context().detached() > 0) history_.reached("killed with an operation given up on");
    server::ShardServer& shard = broker_->at(i);
    if (!shard.has_log()) continue;
    if (shard.log().wal().stats().bytes_pending > 0) history_.reached("killed with a group in flight");
    if (shard.log().wal().stats().files > 2) history_.reached("killed with several write-ahead files");
  }
}

}  // namespace chronik::sim
