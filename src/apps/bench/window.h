// The number of records one client has sent and not yet seen acknowledged, with a wait for it to fall. One sender adds
// and waits, one other thread takes away.
#pragma once

#include <atomic>
#include <cstdint>

namespace chronik::bench {

class Window {
 public:
  std::uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  void add(std::uint32_t n) { size_.fetch_add(n); }

  /// Wakes the sender once, when the window has fallen to what it waits for: no system call per record.
  void remove(std::uint32_t n) {
    const auto before = size_.fetch_sub(n);
    const auto wanted = wanted_.load();
    if (before > wanted && before - n <= wanted) size_.notify_one();
  }

  /// Returns when at most `n` remain. Bounded by the time-out of the records themselves.
  void await_at_most(std::uint32_t n) {
    wanted_.store(n);
    for (auto size = size_.load(); size > n; size = size_.load()) size_.wait(size);
  }

 private:
  std::atomic<std::uint32_t> size_{0};
  std::atomic<std::uint32_t> wanted_{0};
};

}  // namespace chronik::bench
