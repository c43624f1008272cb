// Budget: a bound on memory, and Charge, the owning token of a part of it (law 2). A Charge gives back what it took
// when it is destroyed, wherever that happens on the shard; it cannot leak and cannot be returned twice.
#pragma once

#include <cstddef>
#include <memory>

#include "task/context.h"

namespace chronik::task {

class Budget;

class Charge {
 public:
  Charge() = default;
  Charge(Charge&& other) noexcept : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept;
  ~Charge() { release(); }

  std::size_t bytes() const { return bytes_; }
  void release();
  /// Gives back all but `bytes`, which must not exceed what is held.
  void shrink_to(std::size_t bytes);

 private:
  friend class Budget;
  struct State;
  class Taker;
  Charge(std::shared_ptr<State> budget, std::size_t bytes) : budget_(std::move(budget)), bytes_(bytes) {}
  std::shared_ptr<State> budget_;
  std::size_t bytes_ = 0;
};

class Budget {
 public:
  /// `name` as for Wait; it appears in errors and in the registry.
  Budget(Context& context, const char* name, std::size_t limit_bytes);

  /// At once or not at all. A request above the whole limit is granted only when nothing else is held, so that one
  /// oversized item can pass.
  Result<Charge> try_take(std::size_t bytes);
  /// In arrival order; overloaded when the deadline passes.
  Task<Result<Charge>> take(std::size_t bytes, Deadline until);

  std::size_t used() const;
  std::size_t limit() const;
  std::size_t peak() const;

 private:
  friend class Charge;
  std::shared_ptr<Charge::State> state_;
};

struct Charge::State {
  State(Context& owner, const char* name_, std::size_t limit_) : context(owner), name(name_), limit(limit_) {}
  Context& context;
  const char* name;
  std::size_t limit;
  std::size_t used = 0;
  std::size_t peak = 0;
  WaitQueue takers;  // in arrival order; each a Taker

  bool fits(std::size_t bytes) const { return used + bytes <= limit || used == 0; }
  void grant(std::size_t bytes) {
    used += bytes;
    if (used > peak) peak = used;
  }
  void give_back(std::size_t bytes) {
    CHECK(bytes <= used);
    used -= bytes;
    serve();
  }
  /// Grants to the first in the queue, and on while it reaches: nobody is overtaken.
  void serve();
};

}  // namespace chronik::task
