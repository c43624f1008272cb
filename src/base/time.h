// Time as values. Instant is monotonic; UnixMillis is the wall clock, for record timestamps only.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

#include "base/strong.h"

namespace chronik {

using Duration = std::chrono::nanoseconds;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

/// A point of the monotonic clock of one env.
struct Instant {
  std::int64_t ns = 0;

  constexpr auto operator<=>(const Instant&) const = default;
  friend constexpr Instant operator+(Instant at, Duration d) { return Instant{at.ns + d.count()}; }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration(a.ns - b.ns); }
};

/// When a wait ends, at the latest. There is no default and no "never": every wait says how long it may take (law 1).
struct Deadline {
  Instant at;
  explicit constexpr Deadline(Instant when) : at(when) {}
  constexpr auto operator<=>(const Deadline&) const = default;
};

using UnixMillis = Strong<struct UnixMillisTag, std::int64_t>;

}  // namespace chronik
