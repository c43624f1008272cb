// Context: what every coroutine of one shard shares: its Env, the ready queue, the deadlines, the registry of what is
// in flight, the roots it spawned. Created and used on the shard's thread only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "task/metrics.h"
#include "task/task.h"
#include "task/timers.h"
#include "task/wait.h"

namespace chronik::task {

/// One row of the registry, for people.
struct InFlight {
  std::string what;
  Duration age{};
  Duration left{};  // negative: past its deadline and still here, which is a bug
};

struct ScopeTag;
struct ScopedRoot : Link<ScopeTag> {
  std::coroutine_handle<> frame;
};

class Scope;

class Context {
 public:
  explicit Context(env::Env& env);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  env::Env& env() { return env_; }
  env::Disk& disk() { return env_.disk; }
  env::Network& network() { return env_.network; }
  Metrics& metrics() { return metrics_; }

  Instant now() const { return env_.loop.now(); }
  UnixMillis wall_now() const { return env_.loop.wall_now(); }
  Deadline after(Duration span) const { return Deadline(now() + span); }

  /// Starts `body` on the next turn and owns it until it ends, or until stop(). What `body` refers to must live as
  /// long: see Scope. `name` as for Wait.
  void spawn(const char* name, Task<void> body);
  /// Spawned coroutines that have not ended.
  std::size_t running() const { return running_; }
  /// Destroys every spawned coroutine where it stands. Afterwards nothing of this shard runs.
  void stop();

  /// Everything in flight on this shard, oldest first.
  std::vector<InFlight> in_flight() const;
  /// Operations whose wait ended at its deadline and that env still holds.
  std::uint64_t detached() const { return detached_->load(std::memory_order_relaxed); }
  /// Atomic, for a callback may end on another shard.
  const std::shared_ptr<std::atomic<std::uint64_t>>& detached_counter() { return detached_; }

 private:
  friend class Wait;
  friend class Scope;
  struct Root;
  struct RootTag;

  static Root run_root(Context& context, Task<void> body);
  void spawn_into(Scope* scope, const char* name, Task<void> body);
  void enlist(Wait& wait);
  void make_ready(Wait& wait);
  void request_turn();
  void turn();
  void expire();
  void rearm();

  env::Env& env_;
  Metrics metrics_;
  Timers timers_;
  List<Wait, RegistryTag> registry_;
  WaitQueue ready_;
  std::shared_ptr<bool> alive_;
  std::shared_ptr<std::atomic<std::uint64_t>> detached_;
  std::vector<void*> roots_;
  std::size_t running_ = 0;
  std::optional<Instant> alarm_;
  Histogram& loop_lag_;
  Instant turn_requested_at_;
  bool turn_requested_ = false;
  bool stopped_ = false;
};

/// Coroutines that end with the object that owns the scope: a last member, so that it goes first and no coroutine ever
/// wakes to an object that is gone. Not to be destroyed from inside one of them.
class Scope {
 public:
  explicit Scope(Context& context) : context_(context) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() { stop(); }

  /// As Context::spawn.
  void spawn(const char* name, Task<void> body);
  /// Destroys each where it stands.
  void stop();
  bool empty() const { return roots_.empty(); }

 private:
  friend class Context;
  Context& context_;
  List<ScopedRoot, ScopeTag> roots_;
};

}  // namespace chronik::task
