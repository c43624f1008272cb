// The deadlines of all groups of one coordinator: which group has something to do next. Groups go by serial number, so
// that ties are broken the same way in every run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/time.h"

namespace chronik::coord {

class Deadlines {
 public:
  /// Replaces what the group had; nothing removes it.
  void set(std::uint64_t group, std::optional<Instant> at) {
    const auto old = by_group_.find(group);
    if (old != by_group_.end()) {
      if (old->second == at) return;
      order_.erase({old->second, group});
      by_group_.erase(old);
    }
    if (!at) return;
    order_.emplace(*at, group);
    by_group_.emplace(group, *at);
  }
  std::optional<Instant> next() const { return order_.empty() ? std::nullopt : std::optional(order_.begin()->first); }
  /// The group whose deadline came first, if it has come; it stays until set() again.
  std::optional<std::uint64_t> due(Instant now) const {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    return order_.begin()->second;
  }

 private:
  std::set<std::pair<Instant, std::uint64_t>> order_;
  std::map<std::uint64_t, Instant> by_group_;
};

}  // namespace chronik::coord
