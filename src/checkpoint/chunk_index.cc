#include "checkpoint/chunk_index.h"

#include <algorithm>

#include "base/check.h"

namespace chronik::checkpoint {

void ChunkIndex::pin_one(Chunk& chunk) {
  ++chunk.pins;
  if (marking_) touched_.insert(chunk.place.number);
}

std::optional<std::uint64_t> ChunkIndex::find_pinned(const Digest& hash) {
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(hash);
  if (found == numbers_.end()) return std::nullopt;
  pin_one(chunks_.at(found->second));
  return found->second;
}

std::pair<std::uint64_t, bool> ChunkIndex::add_pinned(const Digest& hash, std::uint32_t raw,
                                                      std::shared_ptr<const std::string> packed) {
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = numbers_.try_emplace(hash, next_);
  if (fresh) {
    const ChunkPlace place{next_, hash, raw, static_cast<std::uint32_t>(packed->size()), 0, 0};
    stored_ += packed->size();
    chunks_.emplace(next_++, Chunk{place, std::move(packed), 0});
  }
  pin_one(chunks_.at(at->second));
  return {at->second, fresh};
}

bool ChunkIndex::pin(const std::vector<std::uint64_t>& numbers) {
  const std::lock_guard lock(mutex_);
  for (const std::uint64_t number : numbers) {
    if (!chunks_.contains(number)) return false;
  }
  for (const std::uint64_t number : numbers) pin_one(chunks_.at(number));
  return true;
}

void ChunkIndex::unpin(const std::vector<std::uint64_t>& numbers) {
  const std::lock_guard lock(mutex_);
  for (const std::uint64_t number : numbers) {
    const auto found = chunks_.find(number);
    if (found != chunks_.end()) --found->second.pins;  // it may have been dropped by a failure
  }
}

std::optional<Chunk> ChunkIndex::get(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = chunks_.find(number);
  if (found == chunks_.end()) return std::nullopt;
  return found->second;
}

void ChunkIndex::reserve(std::size_t chunks) {
  const std::lock_guard lock(mutex_);
  chunks_.reserve(chunks);
  numbers_.reserve(chunks);
}

void ChunkIndex::set(const ChunkPlace& place, std::shared_ptr<const std::string> memory) {
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = chunks_.try_emplace(place.number, Chunk{place, memory, 0});
  if (fresh) stored_ += place.stored;
  at->second.place = place;
  at->second.memory = std::move(memory);
  numbers_[place.hash] = place.number;
  next_ = std::max(next_, place.number + 1);
}

void ChunkIndex::moved(const ChunkPlace& place) {
  const std::lock_guard lock(mutex_);
  const auto found = chunks_.find(place.number);
  if (found == chunks_.end()) return;
  found->second.place = place;
  found->second.memory.reset();
}

void ChunkIndex::drop(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = chunks_.find(number);
  if (found == chunks_.end()) return;
  const auto by_hash = numbers_.find(found->second.place.hash);
  if (by_hash != numbers_.end() && by_hash->second == number) numbers_.erase(by_hash);
  stored_ -= found->second.place.stored;
  chunks_.erase(found);
}

void ChunkIndex::begin_marking() {
  const std::lock_guard lock(mutex_);
  marking_ = true;
  touched_.clear();
  for (const auto& [number, chunk] : chunks_) {
    if (chunk.pins > 0) touched_.insert(number);
  }
}

std::vector<ChunkPlace> ChunkIndex::sweep(const std::unordered_set<std::uint64_t>& live) {
  const std::lock_guard lock(mutex_);
  std::vector<ChunkPlace> dead;
  for (auto at = chunks_.begin(); at != chunks_.end();) {
    const auto& [number, chunk] = *at;
    if (chunk.memory || live.contains(number) || touched_.contains(number)) {
      ++at;
      continue;
    }
    const auto by_hash = numbers_.find(chunk.place.hash);
    if (by_hash != numbers_.end() && by_hash->second == number) numbers_.erase(by_hash);
    stored_ -= chunk.place.stored;
    dead.push_back(chunk.place);
    at = chunks_.erase(at);
  }
  marking_ = false;
  touched_.clear();
  return dead;
}

std::vector<ChunkPlace> ChunkIndex::in_packs() const {
  std::vector<ChunkPlace> places;
  {
    const std::lock_guard lock(mutex_);
    places.reserve(chunks_.size());
    for (const auto& [number, chunk] : chunks_) {
      if (!chunk.memory) places.push_back(chunk.place);
    }
  }
  std::ranges::sort(places, {}, &ChunkPlace::number);
  return places;
}

std::vector<ChunkPlace> ChunkIndex::in_packs_from(std::uint64_t& number, std::uint64_t end, std::uint64_t bytes) const {
  constexpr std::uint64_t kLookedAtMax = 10'000;  // most of them may be gone
  const std::uint64_t stop = end - number > kLookedAtMax ? number + kLookedAtMax : end;
  std::vector<ChunkPlace> places;
  const std::lock_guard lock(mutex_);
  for (std::uint64_t taken = 0; number < stop && taken < bytes; ++number) {
    const auto found = chunks_.find(number);
    if (found == chunks_.end() || found->second.memory) continue;
    places.push_back(found->second.place);
    taken += found->second.place.stored;
  }
  return places;
}

std::uint64_t ChunkIndex::stored_bytes() const {
  const std::lock_guard lock(mutex_);
  return stored_;
}
std::uint64_t ChunkIndex::next_number() const {
  const std::lock_guard lock(mutex_);
  return next_;
}
void ChunkIndex::set_next_number(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  next_ = std::max(next_, number);
}

}  // namespace chronik::checkpoint
