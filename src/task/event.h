// Event: coroutines of one shard wait on it, notify_all wakes those waiting now. It keeps no memory of past
// notifications: state lives with its owner, and waiters re-check it in a loop.
#pragma once

#include "task/context.h"

namespace chronik::task {

class Event {
 public:
  explicit Event(Context& context) : context_(context) {}

  /// co_await gives Woken. `what` as for Wait.
  [[nodiscard]] auto wait(const char* what, Deadline until) { return Awaiter{*this, Wait(context_, what, until)}; }

  void notify_all() { wake_all(Woken::notified); }
  void notify_one() {
    if (!waiting_.empty()) waiting_.front().wake(Woken::notified);
  }
  /// Wakes everyone with `closed`, now and from now on.
  void close() {
    closed_ = true;
    wake_all(Woken::closed);
  }
  bool closed() const { return closed_; }
  bool has_waiters() const { return !waiting_.empty(); }
  Context& context() { return context_; }

 private:
  struct Awaiter {
    Event& event;
    Wait wait;
    bool await_ready() const noexcept { return event.closed_; }
    void await_suspend(std::coroutine_handle<> frame) {
      event.waiting_.push_back(wait);
      wait.begin(frame);
    }
    Woken await_resume() const noexcept { return wait.woken() ? wait.outcome() : Woken::closed; }
  };

  void wake_all(Woken how) {
    while (!waiting_.empty()) waiting_.front().wake(how);
  }

  Context& context_;
  WaitQueue waiting_;
  bool closed_ = false;
};

/// Waits until `until`, whatever happens: for pacing and retries only, never to poll.
[[nodiscard]] inline Task<void> sleep_until(Context& context, const char* what, Deadline until) {
  Event never(context);
  co_await never.wait(what, until);
}

}  // namespace chronik::task
