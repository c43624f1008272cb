#include "sim/world.h"

#include <utility>

#include "base/check.h"
#include "sim/sim_network.h"

namespace chronik::sim {

namespace {
constexpr std::int64_t kWallStartMillis = 1'735'689'600'000;  // 2025-01-01, as virtual time begins
}

std::unique_ptr<World> World::create(std::uint64_t seed) {
  return std::make_unique<WorldImpl>(seed);
}

WorldImpl::~WorldImpl() {
  CHECK(!running_);
  for (const auto& process : processes_) {
    if (!process->alive()) continue;
    process->machine().disk().abandon();
    process->kill();
  }
  for (auto& thunk : events_.remove(0)) bury(std::move(thunk));
  empty_graveyard();
  graveyard_->closed = true;
}

Machine& WorldImpl::machine(const std::string& name) {
  auto& machine = machines_[name];
  if (!machine) machine = std::make_unique<MachineImpl>(*this, name);
  return *machine;
}

MachineImpl* WorldImpl::find_machine(const std::string& name) {
  const auto found = machines_.find(name);
  return found == machines_.end() ? nullptr : found->second.get();
}

std::shared_ptr<Process> WorldImpl::make_process(MachineImpl& machine) {
  return processes_.emplace_back(std::make_shared<Process>(*this, machine, next_id()));
}

Duration WorldImpl::delay(Duration low, Duration high) {
  return low + Duration(chance_.below(static_cast<std::uint64_t>((high - low).count() + 1)));
}

void WorldImpl::empty_graveyard() {
  if (running_) return;
  while (!graveyard_->thunks.empty()) std::exchange(graveyard_->thunks, {}).clear();
}

bool WorldImpl::step() {
  CHECK(!running_);
  empty_graveyard();
  if (events_.empty()) return false;
  running_ = true;
  {
    env::Thunk thunk = events_.begin_event();
    thunk();
  }
  events_.end_event();
  running_ = false;
  empty_graveyard();
  return true;
}

bool WorldImpl::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = now() + limit;
  while (!done()) {
    if (events_.empty() || events_.next_at() > end) {
      events_.advance(end);
      return false;
    }
    step();
  }
  return true;
}

void WorldImpl::run_for(Duration span) {
  const Instant end = now() + span;
  while (!events_.empty() && events_.next_at() <= end) step();
  events_.advance(end);
}

env::Env& MachineImpl::env(std::size_t loop) {
  if (!process_) process_ = world_.make_process(*this);
  return process_->env(loop);
}

void MachineImpl::crash() {
  // The disk first: what is in flight may still reach it.
  disk_.crash();
  if (process_) process_->kill();
  process_ = nullptr;
  world_.empty_graveyard();
}

void MachineImpl::reset_connections() {
  if (!process_) return;
  for (const auto& [id, end] : process_->connections) end.first->cut();
}

UnixMillis MachineImpl::wall_now() const {
  return UnixMillis(kWallStartMillis + world_.now().ns / 1'000'000 + wall_shift_ / 1ms);
}

void MachineImpl::pause(Instant until) {
  if (process_) world_.events().hold(process_->id(), until);
}

Result<Buffer> MachineImpl::read(const std::string& path, std::uint64_t offset, std::size_t length) {
  TRY(NodePtr node, disk_.image().find(path));
  if (node->is_directory) return fail(Errc::invalid_argument, path);
  return node->file.read(offset, length);
}

Status MachineImpl::flip(const std::string& path, std::uint64_t offset, std::uint8_t mask) {
  TRY(NodePtr node, disk_.image().find(path));
  if (node->is_directory) return fail(Errc::invalid_argument, path);
  if (offset >= node->file.size()) return fail(Errc::out_of_range, path);
  node->file.flip(offset, std::byte{mask});
  return {};
}

std::uint16_t MachineImpl::ephemeral_port() {
  last_port_ = last_port_ == 65535 ? 32768 : static_cast<std::uint16_t>(last_port_ + 1);
  return last_port_;
}

}  // namespace chronik::sim
