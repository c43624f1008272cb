#include "checkpoint/latch.h"

#include <algorithm>
#include <condition_variable>

namespace chronik::checkpoint {

/// A thread that waits; shared, because the thread may be gone before it is told.
class Latch::Sleeper {
 public:
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }
  bool wait(Duration timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return woken_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

void Latch::set() {
  std::vector<std::function<void()>> callbacks;
  std::vector<std::shared_ptr<Sleeper>> sleepers;
  {
    const std::lock_guard lock(mutex_);
    set_.store(true, std::memory_order_release);
    callbacks.swap(callbacks_);
    sleepers.swap(sleepers_);
  }
  // The latch may be gone by now.
  for (const auto& sleeper : sleepers) sleeper->wake();
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
  const auto sleeper = std::make_shared<Sleeper>();
  {
    const std::lock_guard lock(mutex_);
    if (is_set()) return true;
    sleepers_.push_back(sleeper);
  }
  if (sleeper->wait(timeout)) return true;
  const std::lock_guard lock(mutex_);
  std::erase(sleepers_, sleeper);
  return is_set();
}

}  // namespace chronik::checkpoint
