// Context: what every coroutine of one shard shares: its Env, the ready queue, the deadlines, the registry of what is
// in flight, the roots it spawned. Created and used on the shard's thread only.
#pragma once

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

  /// Starts `body` on the next turn and owns it until it ends, or until stop(). `name` as for Wait.
  void spawn(const char* name, Task<void> body);
  /// Spawned coroutines that have not ended.
  std::size_t running() const { return running_; }
  /// Destroys every spawned coroutine where it stands. Afterwards nothing of this shard runs.
  void stop();

  /// Everything in flight on this shard, oldest first.
  std::vector<InFlight> in_flight() const;
  /// Operations whose wait ended at its deadline and that env still holds.
  std::uint64_t detached() const { return *detached_; }
  const std::shared_ptr<std::uint64_t>& detached_counter() { return detached_; }

 private:
  friend class Wait;
  struct Root;
  struct RootTag;

  static Root run_root(Context& context, Task<void> body);
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
  std::shared_ptr<std::uint64_t> detached_;
  std::vector<void*> roots_;
  std::size_t running_ = 0;
  std::optional<Instant> alarm_;
  Histogram& loop_lag_;
  Instant turn_requested_at_;
  bool turn_requested_ = false;
  bool stopped_ = false;
};

}  // namespace chronik::task
