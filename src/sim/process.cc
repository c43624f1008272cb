// Loops of a simulated process, and its death.
#include "sim/process.h"

#include <algorithm>

#include "base/check.h"
#include "sim/sim_disk.h"
#include "sim/sim_network.h"
#include "sim/world.h"

namespace chronik::sim {

Instant SimLoop::now() const {
  return process_.machine().world().now();
}

UnixMillis SimLoop::wall_now() const {
  return process_.machine().wall_now();
}

void SimLoop::check_thread() const {
  if (!process_.alive()) return;
  const auto* running = static_cast<const SimLoop*>(process_.world().events().current_loop());
  CHECK(running == nullptr || running == this || &running->process_ != &process_);
}

void SimLoop::post(env::Thunk thunk) {
  check_thread();
  process_.deliver_now(*this, EventKind::post, std::move(thunk));
}

void SimLoop::post_remote(env::Thunk thunk) {
  if (!process_.alive()) return process_.bury(std::move(thunk));
  last_remote_ = std::max(last_remote_, now() + process_.world().delay(1us, 5us));
  process_.deliver(*this, last_remote_, EventKind::remote, std::move(thunk));
}

void SimLoop::set_alarm(Instant at) {
  check_thread();
  if (!process_.alive()) return;
  alarm_at_ = at;
  wanted_ = true;
  if (!scheduled_ || at < scheduled_at_) schedule_alarm(at);
}

void SimLoop::schedule_alarm(Instant at) {
  scheduled_at_ = at;
  scheduled_ = true;
  process_.deliver(*this, at, EventKind::alarm, [this, generation = ++generation_] { alarm_event(generation); });
}

void SimLoop::alarm_event(std::uint64_t generation) {
  if (generation != generation_) return;
  scheduled_ = false;
  if (!wanted_) return;
  if (alarm_at_ > now()) return schedule_alarm(alarm_at_);
  wanted_ = false;
  alarm_();
}

struct Process::Shard {
  Shard(Process& process, std::uint64_t seed)
      : loop(process), disk(loop), network(loop), entropy(seed), env{loop, disk, network, entropy} {}

  SimLoop loop;
  SimDisk disk;
  SimNetwork network;
  SimEntropy entropy;
  env::Env env;
};

Process::Process(WorldImpl& world, MachineImpl& machine, std::uint64_t id)
    : world_(&world), machine_(machine), graveyard_(world.graveyard()), id_(id) {}

Process::~Process() = default;

env::Env& Process::env(std::size_t loop) {
  while (shards_.size() <= loop) shards_.push_back(std::make_unique<Shard>(*this, world_->chance().next()));
  return shards_[loop]->env;
}

void Process::deliver(SimLoop& loop, Instant at, EventKind kind, env::Thunk thunk) {
  if (!alive()) return bury(std::move(thunk));
  world_->events().add(at, id_, &loop, kind, std::move(thunk));
}

void Process::deliver_now(SimLoop& loop, EventKind kind, env::Thunk thunk) {
  if (!alive()) return bury(std::move(thunk));
  world_->events().add(world_->now(), id_, &loop, kind, std::move(thunk));
}

void Process::bury(env::Thunk thunk) {
  if (!graveyard_->closed) graveyard_->thunks.push_back(std::move(thunk));
}

void Process::kill() {
  for (auto& thunk : world_->events().remove(id_)) world_->bury(std::move(thunk));
  kill_network(*this);
  for (const auto& shard : shards_) world_->bury([alarm = shard->loop.take_alarm()] {});
  world_ = nullptr;
}

}  // namespace chronik::sim
