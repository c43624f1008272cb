#include "task/timers.h"

#include "task/wait.h"

namespace chronik::task {

void Timers::place(std::size_t index, Wait* wait) {
  heap_[index] = wait;
  wait->heap_index_ = index;
}

void Timers::sift_up(std::size_t index) {
  Wait* const wait = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->until_ <= wait->until_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, wait);
}

void Timers::sift_down(std::size_t index) {
  Wait* const wait = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->until_ < heap_[child]->until_) ++child;
    if (wait->until_ <= heap_[child]->until_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, wait);
}

void Timers::add(Wait& wait) {
  heap_.push_back(&wait);
  wait.heap_index_ = heap_.size() - 1;
  sift_up(wait.heap_index_);
}

void Timers::remove(Wait& wait) {
  const std::size_t index = wait.heap_index_;
  if (index == Wait::kNoIndex) return;
  wait.heap_index_ = Wait::kNoIndex;
  Wait* const last = heap_.back();
  heap_.pop_back();
  if (last == &wait) return;
  place(index, last);
  sift_up(index);
  sift_down(last->heap_index_);
}

std::optional<Instant> Timers::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->until_.at;
}

Wait* Timers::pop_due(Instant now) {
  if (heap_.empty() || heap_.front()->until_.at > now) return nullptr;
  Wait* const wait = heap_.front();
  remove(*wait);
  return wait;
}

}  // namespace chronik::task
