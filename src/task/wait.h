// Wait: one suspended coroutine. It is at once the node in whatever it waits for, the node in the shard's deadline
// heap, and the row that /debug/waits prints (what, since when, until when); nothing is allocated to wait.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "task/list.h"

namespace chronik::task {

class Context;

/// How a wait ended.
enum class Woken : std::uint8_t {
  notified,   // what was waited for happened
  timed_out,  // the deadline passed
  closed,     // what was waited on is shutting down
};

struct QueueTag;     // the event's list while waiting, the ready list once woken
struct RegistryTag;  // every wait in flight

class Wait : public Link<QueueTag>, public Link<RegistryTag> {
 public:
  /// `what` must outlive the wait: a string literal naming it, such as "wal.commit".
  Wait(Context& context, const char* what, Deadline until) : context_(context), what_(what), until_(until) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait();

  /// Suspends `waiter` until wake(); the deadline begins to count.
  void begin(std::coroutine_handle<> waiter);
  /// Suspends `waiter` until the next turn; touches no timer.
  void begin_ready(std::coroutine_handle<> waiter);
  /// Queues the waiter to run on this shard; the first call wins. Shard's thread only.
  void wake(Woken how);
  bool woken() const { return woken_; }

  Woken outcome() const { return outcome_; }
  const char* what() const { return what_; }
  Instant since() const { return since_; }
  Deadline until() const { return until_; }

 private:
  friend class Context;
  friend class Timers;
  Context& context_;
  const char* what_;
  Instant since_{};
  Deadline until_;
  std::coroutine_handle<> waiter_;
  std::size_t heap_index_ = kNoIndex;
  Woken outcome_ = Woken::notified;
  bool woken_ = false;

  static constexpr std::size_t kNoIndex = ~std::size_t{0};
};

using WaitQueue = List<Wait, QueueTag>;

}  // namespace chronik::task
