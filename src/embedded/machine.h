// The machine as the checkpoint store's surroundings.
#pragma once

#include "checkpoint/surroundings.h"
#include "env/real/any_thread.h"

namespace chronik::embedded {

class Machine final : public checkpoint::Surroundings {
 public:
  checkpoint::Time now() override { return checkpoint::Time(std::chrono::milliseconds(env::wall_clock_now().value())); }
  Instant monotonic_now() override { return env::monotonic_clock_now(); }
  std::uint64_t entropy() override { return env::random_word(); }
  bool wait(checkpoint::Latch& latch, Duration timeout) override { return latch.wait_for(timeout); }
  void run(std::move_only_function<void()> job) override { workers_.run(std::move(job)); }

 private:
  env::Workers workers_;
};

}  // namespace chronik::embedded
