#include "env/real/blocking_pool.h"

#include <algorithm>
#include <system_error>
#include <thread>

#include "base/check.h"

namespace chronik::env {

namespace {
constexpr auto kStuckAfter = std::chrono::seconds(1);
constexpr auto kIdleThreadLives = std::chrono::seconds(10);
}  // namespace

void BlockingPool::run(Job job) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    return job();
  }
  queue_.push_back(std::move(job));
  if (idle_ >= queue_.size()) {
    work_.notify_one();
  } else {
    make_room(lock);
  }
}

void BlockingPool::make_room(std::unique_lock<std::mutex>&) {
  if (threads_ < kMaxThreads && healthy() < kCoreThreads && spawn()) return;
  CHECK(threads_ > 0);
  if (supervised_) return;
  supervised_ = true;
  std::thread([self = shared_from_this()] { self->supervise(); }).detach();
}

std::size_t BlockingPool::healthy() const {
  const auto limit = Clock::now() - kStuckAfter;
  const auto stuck = std::count_if(running_.begin(), running_.end(), [&](auto since) { return since < limit; });
  return threads_ - static_cast<std::size_t>(stuck);
}

bool BlockingPool::spawn() {
  try {
    std::thread([self = shared_from_this()] { self->work(); }).detach();
  } catch (const std::system_error&) {
    return false;  // no more threads: those there are will do the work
  }
  ++threads_;
  return true;
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (queue_.empty()) {
      ++idle_;
      work_.wait_for(lock, kIdleThreadLives, [&] { return !queue_.empty() || stopping_; });
      --idle_;
      if (queue_.empty()) break;
    }
    Job job = std::move(queue_.front());
    queue_.pop_front();
    const auto mark = running_.insert(running_.end(), Clock::now());
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    running_.erase(mark);
  }
  --threads_;
  left_.notify_all();
}

/// There while jobs wait and every thread is busy: adds threads as calls turn out to be stuck.
void BlockingPool::supervise() {
  std::unique_lock lock(mutex_);
  while (!queue_.empty() && !stopping_) {
    auto next = Clock::now() + kStuckAfter;
    for (const auto since : running_) {
      if (since + kStuckAfter > Clock::now()) next = std::min(next, since + kStuckAfter);
    }
    supervise_.wait_until(lock, next + std::chrono::milliseconds(1));
    std::size_t wanted = queue_.size();
    while (wanted-- > idle_ && threads_ < kMaxThreads && healthy() < kCoreThreads && spawn()) {
    }
  }
  supervised_ = false;
}

void BlockingPool::stop(Duration grace) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  supervise_.notify_all();
  left_.wait_for(lock, grace, [&] { return threads_ == 0; });
  stopped_ = true;
}

}  // namespace chronik::env
