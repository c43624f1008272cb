// Strong<Tag, Rep>: integers that do not convert into one another. Explicit in, `.value()` out.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace chronik {

template <class Tag, class Rep>
class Strong {
 public:
  using rep = Rep;

  constexpr Strong() = default;
  explicit constexpr Strong(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const Strong&) const = default;

  /// A distance of `n` keeps the kind.
  constexpr Strong plus(Rep n) const { return Strong(static_cast<Rep>(value_ + n)); }

 private:
  Rep value_{};
};

}  // namespace chronik

template <class Tag, class Rep>
struct std::hash<chronik::Strong<Tag, Rep>> {
  std::size_t operator()(chronik::Strong<Tag, Rep> id) const { return std::hash<Rep>()(id.value()); }
};
