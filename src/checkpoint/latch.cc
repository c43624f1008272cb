#include "checkpoint/latch.h"

namespace chronik::checkpoint {

void Latch::set() {
  const std::lock_guard lock(mutex_);
  set_.store(true, std::memory_order_release);
  changed_.notify_all();
}

bool Latch::wait_for(Duration timeout) {
  if (is_set()) return true;
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return is_set(); });
}

}  // namespace chronik::checkpoint
