// What the store needs of the world, callable from any thread: time, chance, waiting, work that blocks. src/embedded
// gives the machine's; tests give simulated ones.
#pragma once

#include <cstdint>
#include <functional>

#include "checkpoint/latch.h"
#include "checkpoint/result.h"

namespace chronik::checkpoint {

class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual Time now() = 0;
  /// Monotonic: for throttles and waits.
  virtual Instant monotonic_now() = 0;
  virtual std::uint64_t entropy() = 0;
  /// False when `timeout` passed first.
  virtual bool wait(Latch& latch, Duration timeout) = 0;
  /// Runs a job that may block on a thread of its own, soon.
  virtual void run(std::move_only_function<void()> job) = 0;
};

}  // namespace chronik::checkpoint
