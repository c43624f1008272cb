// Threads for calls that block: one pool per Host. Grows on demand up to kCoreThreads; a thread whose call has lasted
// more than a second is presumed stuck (a stalled disk) and does not count, up to kMaxThreads, so that one frozen file
// system does not starve the others. Idle threads end. The pool may outlive the Host: stuck threads hold it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "env/env.h"
#include "env/real/gate.h"

namespace chronik::env {

class BlockingPool : public std::enable_shared_from_this<BlockingPool> {
 public:
  using Job = std::move_only_function<void()>;
  static constexpr std::size_t kCoreThreads = 16;
  static constexpr std::size_t kMaxThreads = 64;

  /// Runs `job` on some thread; callers bound what they have in flight. Any thread. After stop(): here and now.
  void run(Job job);
  /// Waits until every job is done and every thread has left, at most `grace`.
  void stop(Duration grace);

 private:
  using Clock = std::chrono::steady_clock;

  void make_room(std::unique_lock<std::mutex>& lock);
  std::size_t healthy() const;
  bool spawn();
  void work();
  void supervise();

  std::mutex mutex_;  // held for queue operations only
  std::condition_variable work_;
  std::condition_variable supervise_;
  std::condition_variable left_;
  std::deque<Job> queue_;
  std::list<Clock::time_point> running_;  // since when, one per job
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  bool supervised_ = false;
  bool stopping_ = false;
  bool stopped_ = false;
};

/// What a loop needs for blocking calls.
struct Blocking {
  std::shared_ptr<BlockingPool> pool;
  std::shared_ptr<Gate> gate;
};

/// Runs `work` (returning Result<T>) on the pool and hands its result to `done` on the loop. What `work` holds (buffers
/// with their budgets, the file) is released on the loop too, just before.
template <class T, class Work>
void run_blocking(const Blocking& blocking, Work work, Callback<T> done) {
  if (blocking.gate->closed()) return;
  blocking.pool->run([gate = blocking.gate, work = std::move(work), done = std::move(done)]() mutable {
    Result<T> result = work();
    gate->post([result = std::move(result), spent = std::optional(std::move(work)), done = std::move(done)]() mutable {
      spent.reset();
      done(std::move(result));
    });
  });
}

}  // namespace chronik::env
