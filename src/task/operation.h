// Operation: a coroutine's view of one env operation with a deadline. When the deadline passes, the wait ends
// with timed_out and the operation is detached: env keeps its memory until the kernel completes it, and its result is
// dropped (law 1).
#pragma once

#include <memory>
#include <optional>

#include "task/context.h"

namespace chronik::task {

namespace detail {
template <class T>
struct OperationState {
  std::optional<Result<T>> result;
  Wait* wait = nullptr;
  std::shared_ptr<std::atomic<std::uint64_t>> detached;  // set once the wait has ended before the operation

  OperationState() = default;
  OperationState(const OperationState&) = delete;
  OperationState& operator=(const OperationState&) = delete;
  /// Nobody holds the callback any more: it was called, or dropped (which it may be on another shard).
  ~OperationState() {
    if (detached) detached->fetch_sub(1, std::memory_order_relaxed);
  }
};
}  // namespace detail

template <class T>
class [[nodiscard]] Operation {
 public:
  Operation(Context& context, const char* what, Deadline until) : wait_(context, what, until), context_(context) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() {
    state_->wait = nullptr;
    if (!state_->result && started_) {
      state_->detached = context_.detached_counter();
      state_->detached->fetch_add(1, std::memory_order_relaxed);
    }
  }

  /// The callback to hand to env; once.
  env::Callback<T> callback() {
    started_ = true;
    return [state = state_](Result<T> result) {
      state->result.emplace(std::move(result));
      if (state->wait) state->wait->wake(Woken::notified);
    };
  }

  bool await_ready() const noexcept { return state_->result.has_value(); }
  void await_suspend(std::coroutine_handle<> frame) {
    state_->wait = &wait_;
    wait_.begin(frame);
  }
  Result<T> await_resume() {
    if (state_->result) return std::move(*state_->result);
    return fail(Errc::timed_out, wait_.what());
  }

 private:
  Wait wait_;
  Context& context_;
  std::shared_ptr<detail::OperationState<T>> state_ = std::make_shared<detail::OperationState<T>>();
  bool started_ = false;
};

/// Starts an operation and waits for it: `start` receives the callback to pass on.
///   co_await await_operation<Buffer>(context, "segment.read", deadline, [&](auto done) { file->read(0, n,
///   std::move(done)); });
template <class T, class Start>
Task<Result<T>> await_operation(Context& context, const char* what, Deadline until, Start start) {
  Operation<T> operation(context, what, until);
  start(operation.callback());
  co_return co_await operation;
}

}  // namespace chronik::task
