// Latch: something that happens once, and threads that wait for it. Its lock is held for a flag only, and nobody is
// woken under it: who wakes would at once wait again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/time.h"

namespace chronik::checkpoint {

class Latch {
 public:
  /// It happened. Any thread, any number of times.
  void set();
  bool is_set() const { return set_.load(std::memory_order_acquire); }
  /// True once set, false when `timeout` passed first. Only Surroundings calls it: simulated time does not pass here.
  bool wait_for(Duration timeout);
  /// Runs `callback` once it happened: on the thread that sets it, or here and now. It must be quick.
  void then(std::function<void()> callback);

 private:
  class Sleeper;
  std::mutex mutex_;
  std::atomic<bool> set_{false};
  std::vector<std::shared_ptr<Sleeper>> sleepers_;
  std::vector<std::function<void()>> callbacks_;
};

}  // namespace chronik::checkpoint
