// The one deadline structure of a shard: a binary min-heap of the Waits themselves.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"

namespace chronik::task {

class Wait;

class Timers {
 public:
  void add(Wait& wait);     // O(log n)
  void remove(Wait& wait);  // O(log n); no effect if absent
  /// The earliest deadline.
  std::optional<Instant> next() const;
  /// The earliest wait if it is due at `now`, removed; else null.
  Wait* pop_due(Instant now);
  std::size_t size() const { return heap_.size(); }

 private:
  void place(std::size_t index, Wait* wait);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);

  std::vector<Wait*> heap_;
};

}  // namespace chronik::task
