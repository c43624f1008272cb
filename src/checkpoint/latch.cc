#include "checkpoint/latch.h"

namespace chronik::checkpoint {

void Latch::set() {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(mutex_);
    set_.store(true, std::memory_order_release);
    changed_.notify_all();
    callbacks.swap(callbacks_);
  }
  // The latch may be gone by now.
  for (const auto& callback : callbacks) callback();
}

void Latch::then(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_set()) return callbacks_.push_back(std::move(callback));
  }
  callback();
}

bool Latch::wait_for(Duration timeout) {
  if (is_set()) return true;
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return is_set(); });
}

}  // namespace chronik::checkpoint
