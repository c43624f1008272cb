// One generation of the process on a machine: its loops, and everything that dies with it. After kill() no callback of
// it is invoked again; what it still calls goes nowhere, what it hands in is buried (destroyed when no process code is
// on the stack).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/prng.h"
#include "env/env.h"
#include "sim/events.h"

namespace chronik::sim {

class MachineImpl;
class Process;
class WorldImpl;
struct Connection;
struct ListenerState;

class SimLoop final : public env::Loop {
 public:
  explicit SimLoop(Process& process) : process_(process) {}

  Instant now() const override;
  UnixMillis wall_now() const override;
  void post(env::Thunk thunk) override;
  void post_remote(env::Thunk thunk) override;
  void on_alarm(std::function<void()> handler) override { alarm_ = std::move(handler); }
  void set_alarm(Instant at) override;

  /// Ends the program if another loop of the same process is running: a call from the wrong thread.
  void check_thread() const;
  Process& process() { return process_; }
  std::function<void()> take_alarm() { return std::exchange(alarm_, nullptr); }

 private:
  void schedule_alarm(Instant at);
  void alarm_event(std::uint64_t generation);

  Process& process_;
  std::function<void()> alarm_;
  Instant alarm_at_;      // when it is wanted
  Instant scheduled_at_;  // when the event comes, at the latest alarm_at_
  bool wanted_ = false;
  bool scheduled_ = false;
  std::uint64_t generation_ = 0;  // events of an earlier one are stale
  Instant last_remote_;           // keeps remote thunks in order
};

class SimEntropy final : public env::Entropy {
 public:
  explicit SimEntropy(std::uint64_t seed) : prng_(seed) {}
  std::uint64_t next() override { return prng_.next(); }

 private:
  Prng prng_;
};

class Process : public std::enable_shared_from_this<Process> {
 public:
  Process(WorldImpl& world, MachineImpl& machine, std::uint64_t id);
  ~Process();

  bool alive() const { return world_ != nullptr; }
  /// Alive only.
  WorldImpl& world() const { return *world_; }
  MachineImpl& machine() const { return machine_; }
  std::uint64_t id() const { return id_; }
  env::Env& env(std::size_t loop);

  /// Runs `thunk` on the loop at that time, if the process is still alive then.
  void deliver(SimLoop& loop, Instant at, EventKind kind, env::Thunk thunk);
  void deliver_now(SimLoop& loop, EventKind kind, env::Thunk thunk);
  /// For what a dead process hands in.
  void bury(env::Thunk thunk);

  /// Cuts everything; buries every callback.
  void kill();

  // Its open ends of connections, its listeners and what it waits for, each under a number of the world.
  std::map<std::uint64_t, std::pair<std::shared_ptr<Connection>, int>> connections;
  std::map<std::uint16_t, std::shared_ptr<ListenerState>> listeners;
  std::map<std::uint64_t, env::Callback<env::StreamPtr>> connecting;
  std::uint64_t open_files = 0;

 private:
  struct Shard;

  WorldImpl* world_;  // null when dead
  MachineImpl& machine_;
  const std::shared_ptr<Graveyard> graveyard_;
  const std::uint64_t id_;
  std::deque<std::unique_ptr<Shard>> shards_;
};

}  // namespace chronik::sim
