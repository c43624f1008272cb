// Ring: a bounded lock-free queue between exactly two threads, one producing, one consuming (Lamport 1983, with cached
// indices).
#pragma once

#include <atomic>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace chronik::shard {

template <class T>
class Ring {
 public:
  /// `capacity` must be a power of two.
  explicit Ring(std::size_t capacity) : slots_(capacity), mask_(capacity - 1) {}

  /// Producer only. False, with `item` untouched, when full.
  bool push(T& item) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - cached_head_ > mask_) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (tail - cached_head_ > mask_) return false;
    }
    slots_[tail & mask_] = std::move(item);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  /// Consumer only.
  bool pop(T& item) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == cached_tail_) {
      cached_tail_ = tail_.load(std::memory_order_acquire);
      if (head == cached_tail_) return false;
    }
    item = std::exchange(slots_[head & mask_], T{});
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  /// Approximate from any other thread.
  std::size_t size() const { return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kCacheLine = 64;
  std::vector<T> slots_;
  std::size_t mask_;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  std::size_t cached_tail_ = 0;  // consumer's
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  std::size_t cached_head_ = 0;  // producer's
};

}  // namespace chronik::shard
