// Virtual time: the events to come, in the order of their time and, at equal times, of their making. An event belongs
// to the world (owner 0) or to one process, whose death removes it. Moves keys of three words through the heap; the
// thunks stay in place.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "env/env.h"

namespace chronik::sim {

enum class EventKind : std::uint8_t { world = 1, post, remote, alarm, disk, network };

class Events {
 public:
  Instant now() const { return now_; }
  /// `when` in the past means now. `loop` is what current_loop() answers while the thunk runs.
  void add(Instant when, std::uint64_t owner, const void* loop, EventKind kind, env::Thunk thunk);
  /// Takes the thunks of all events of `owner`, which then do not happen.
  std::vector<env::Thunk> remove(std::uint64_t owner);

  /// What `owner` has to come before `until` comes then, in its order; what is added meanwhile too.
  void hold(std::uint64_t owner, Instant until);

  bool empty() const { return live_ == 0; }
  /// The time of the next event; not empty().
  Instant next_at();
  /// Removes the next event, moves time to it and returns what to run; not empty(). The caller ends it with end_event.
  env::Thunk begin_event();
  void end_event() { loop_ = nullptr; }
  /// Moves time forward without an event; none is due before `to`.
  void advance(Instant to) { now_ = now_ < to ? to : now_; }

  const void* current_loop() const { return loop_; }
  std::uint64_t trace_hash() const { return hash_; }

 private:
  struct Key {
    Instant at;
    std::uint64_t sequence = 0;
    std::uint32_t slot = 0;
    bool operator<(const Key& other) const {  // a max-heap: the earliest is the greatest
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };
  struct Slot {
    env::Thunk thunk;  // empty: removed
    std::uint64_t owner = 0;
    const void* loop = nullptr;
    EventKind kind = EventKind::world;
  };

  void drop_removed();
  Key pop();
  void mix(std::uint64_t word);

  Instant now_{1'000'000'000};
  std::uint64_t held_owner_ = 0;
  Instant held_until_;
  std::uint64_t sequence_ = 0;
  std::uint64_t at_this_instant_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::size_t live_ = 0;
  const void* loop_ = nullptr;
  std::vector<Key> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

/// What is to be destroyed as soon as no process code is on the stack: its destructors may call into envs.
struct Graveyard {
  std::vector<env::Thunk> thunks;
  bool closed = false;  // the world ended: destroyed at once
};

}  // namespace chronik::sim
