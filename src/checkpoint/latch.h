// Latch: something that happens once, and threads that wait for it. Its lock is held for a flag only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/time.h"

namespace chronik::checkpoint {

class Latch {
 public:
  /// It happened. Any thread, any number of times.
  void set();
  bool is_set() const { return set_.load(std::memory_order_acquire); }
  /// True once set, false when `timeout` passed first. Only Surroundings calls it: simulated time does not pass here.
  bool wait_for(Duration timeout);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> set_{false};
};

}  // namespace chronik::checkpoint
