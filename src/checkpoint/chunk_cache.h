// ChunkCache: chunks read not long ago, unpacked and checked: states that follow each other share most of theirs. Its
// lock is held for lookups only.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "checkpoint/result.h"

namespace chronik::checkpoint {

class ChunkCache {
 public:
  using Bytes = std::shared_ptr<const std::string>;
  explicit ChunkCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// For each number its bytes, or null.
  std::vector<Bytes> find(std::span<const std::uint64_t> numbers);
  /// What was used longest ago makes room.
  void put(const std::vector<std::pair<std::uint64_t, Bytes>>& chunks);
  std::size_t bytes() const;

 private:
  static constexpr std::size_t kOverhead = 128;  // of one in both containers, about
  using Order = std::list<std::pair<std::uint64_t, Bytes>>;

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  Order order_;  // last used first
  std::unordered_map<std::uint64_t, Order::iterator> places_;
  std::size_t bytes_ = 0;
};

}  // namespace chronik::checkpoint
