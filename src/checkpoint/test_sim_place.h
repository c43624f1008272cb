// For tests: a log backend on the disk of one simulated machine. Callers wait by letting simulated time pass.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "checkpoint/core.h"
#include "checkpoint/log_backend.h"
#include "sim/sim_env.h"

namespace chronik::checkpoint {

class SimWorld final : public Surroundings, public LogLoop {
 public:
  explicit SimWorld(std::uint64_t seed) : world_(sim::World::create(seed)), machine_(world_->machine("m")) {
    restart();
  }

  Time now() override { return Time(std::chrono::milliseconds(env_->loop.wall_now().value())); }
  Instant monotonic_now() override { return world_->now(); }
  std::uint64_t entropy() override { return world_->prng().next(); }
  bool wait(Latch& latch, Duration timeout) override {
    const Instant end = world_->now() + timeout;
    while (!latch.is_set() && world_->now() < end) {
      if (steps_left_ && *steps_left_ == 0) return false;  // the power is gone
      if (!world_->step()) break;
      if (steps_left_) --*steps_left_;
    }
    return latch.is_set();
  }
  void run(std::move_only_function<void()> job) override { job(); }
  env::Env& env() override { return *env_; }
  std::int64_t process_id() override { return 1; }

  /// From here on so many events happen, then waits end: time for crash().
  void power_for(std::optional<std::uint64_t> steps) { steps_left_ = steps; }
  bool dead() const { return steps_left_ && *steps_left_ == 0; }
  void crash() {
    machine_.crash();
    steps_left_.reset();
    restart();
  }
  /// A new process, without loss.
  void restart() { env_ = &machine_.env(); }
  sim::Machine& machine() { return machine_; }
  sim::World& world() { return *world_; }

 private:
  std::unique_ptr<sim::World> world_;
  sim::Machine& machine_;
  env::Env* env_ = nullptr;
  std::optional<std::uint64_t> steps_left_;
};

/// A store on it; the parts in the order in which they go.
inline Result<Store> open_store(const std::shared_ptr<SimWorld>& world, const Options& options = {}) {
  TRY(auto backend, open_log_backend("store", options, world, world));
  return Store(std::make_shared<Core>(world, options, std::move(backend)));
}

}  // namespace chronik::checkpoint
