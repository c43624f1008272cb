#include "checkpoint/chunk_cache.h"

namespace chronik::checkpoint {

std::vector<ChunkCache::Bytes> ChunkCache::find(std::span<const std::uint64_t> numbers) {
  std::vector<Bytes> found(numbers.size());
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto at = places_.find(numbers[i]);
    if (at == places_.end()) continue;
    found[i] = at->second->second;
    order_.splice(order_.begin(), order_, at->second);
  }
  return found;
}

void ChunkCache::put(const std::vector<std::pair<std::uint64_t, Bytes>>& chunks) {
  Order gone;  // freed behind the lock
  const std::lock_guard lock(mutex_);
  for (const auto& [number, bytes] : chunks) {
    if (bytes->size() + kOverhead > bytes_max_ || places_.contains(number)) continue;
    order_.emplace_front(number, bytes);
    places_[number] = order_.begin();
    bytes_ += bytes->size() + kOverhead;
    while (bytes_ > bytes_max_) {
      bytes_ -= order_.back().second->size() + kOverhead;
      places_.erase(order_.back().first);
      gone.splice(gone.end(), order_, std::prev(order_.end()));
    }
  }
}

std::size_t ChunkCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace chronik::checkpoint
