// The way back to a loop for threads that may outlive it: a blocking operation can be stuck in the kernel when the
// Host is long gone.
#pragma once

#include <mutex>

#include "env/env.h"

namespace chronik::env {

class Gate {
 public:
  explicit Gate(Loop& loop) : loop_(&loop) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Posts to the loop; once closed, abandons `thunk`: what its destructors would touch is gone. Any thread.
  void post(Thunk thunk);
  bool closed();
  /// After this returns nothing reaches the loop.
  void close();

 private:
  std::mutex mutex_;  // held for a post, never across I/O
  Loop* loop_;        // null: closed
};

}  // namespace chronik::env
