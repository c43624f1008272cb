// The way back from a thread to a loop that may be gone by then.
#pragma once

#include <mutex>

#include "env/env.h"

namespace chronik::admin {

class LoopGate {
 public:
  explicit LoopGate(env::Loop& loop) : loop_(&loop) {}
  /// Any thread. Once closed, the thunk is dropped.
  void post(env::Thunk thunk) {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr) loop_->post_remote(std::move(thunk));
  }
  /// Before the loop goes.
  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;  // held for one post
  env::Loop* loop_;
};

}  // namespace chronik::admin
