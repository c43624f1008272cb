#include "sim/events.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace chronik::sim {

namespace {
// So many events without time moving are a loop that feeds itself.
constexpr std::uint64_t kEventsPerInstantMax = 10'000'000;
}  // namespace

void Events::add(Instant when, std::uint64_t owner, const void* loop, EventKind kind, env::Thunk thunk) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot] = Slot{std::move(thunk), owner, loop, kind};
  if (owner == held_owner_) when = std::max(when, held_until_);
  heap_.push_back(Key{std::max(when, now_), ++sequence_, slot});
  std::push_heap(heap_.begin(), heap_.end());
  ++live_;
}

void Events::hold(std::uint64_t owner, Instant until) {
  held_owner_ = owner;
  held_until_ = until;
  std::vector<Key*> late;
  for (Key& key : heap_) {
    if (slots_[key.slot].thunk && slots_[key.slot].owner == owner && key.at < until) late.push_back(&key);
  }
  std::ranges::sort(late, [](const Key* a, const Key* b) { return *b < *a; });
  for (Key* const key : late) *key = Key{until, ++sequence_, key->slot};
  std::make_heap(heap_.begin(), heap_.end());
}

std::vector<env::Thunk> Events::remove(std::uint64_t owner) {
  std::vector<env::Thunk> removed;
  for (Slot& slot : slots_) {
    if (slot.owner != owner || !slot.thunk) continue;
    removed.push_back(std::exchange(slot.thunk, nullptr));
    --live_;
  }
  return removed;
}

Events::Key Events::pop() {
  std::pop_heap(heap_.begin(), heap_.end());
  const Key key = heap_.back();
  heap_.pop_back();
  free_.push_back(key.slot);
  return key;
}

void Events::drop_removed() {
  while (!heap_.empty() && !slots_[heap_.front().slot].thunk) pop();
}

Instant Events::next_at() {
  drop_removed();
  CHECK(!heap_.empty());
  return heap_.front().at;
}

env::Thunk Events::begin_event() {
  drop_removed();
  CHECK(!heap_.empty());
  const Key key = pop();
  Slot& slot = slots_[key.slot];
  at_this_instant_ = key.at == now_ ? at_this_instant_ + 1 : 0;
  CHECK(at_this_instant_ < kEventsPerInstantMax);
  now_ = key.at;
  mix(static_cast<std::uint64_t>(key.at.ns));
  mix(key.sequence);
  mix(slot.owner << 8 | static_cast<std::uint64_t>(slot.kind));
  loop_ = slot.loop;
  --live_;
  return std::exchange(slot.thunk, nullptr);
}

void Events::mix(std::uint64_t word) {
  hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15ULL;
  hash_ ^= hash_ >> 32;
}

}  // namespace chronik::sim
