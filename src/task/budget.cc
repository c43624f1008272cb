#include "task/budget.h"

#include "base/canary.h"

namespace chronik::task {

Charge& Charge::operator=(Charge&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::move(other.budget_);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void Charge::release() {
  if (canary(Canary::budget_leaked) && bytes_ % 7 == 3) bytes_ = 0;
  if (bytes_ > 0) budget_->give_back(std::exchange(bytes_, 0));
  budget_.reset();
}

void Charge::shrink_to(std::size_t bytes) {
  CHECK(bytes <= bytes_);
  if (bytes == bytes_) return;
  budget_->give_back(bytes_ - bytes);
  bytes_ = bytes;
}

Budget::Budget(Context& context, const char* name, std::size_t limit_bytes)
    : state_(std::make_shared<Charge::State>(context, name, limit_bytes)) {}

Result<Charge> Budget::try_take(std::size_t bytes) {
  if (!state_->takers.empty() || !state_->fits(bytes)) return fail(Errc::overloaded, state_->name);
  state_->grant(bytes);
  return Charge(state_, bytes);
}

/// One who waits. What was granted to it and not picked up goes back when it is dropped.
class Charge::Taker : public Wait {
 public:
  Taker(std::shared_ptr<State> state, std::size_t bytes, Deadline until)
      : Wait(state->context, state->name, until), state_(std::move(state)), bytes_(bytes) {}
  ~Taker() {
    leave();
    if (granted_) state_->give_back(bytes_);
  }

  bool await_ready() {
    if (state_->takers.empty() && state_->fits(bytes_)) grant();
    return granted_;
  }
  void await_suspend(std::coroutine_handle<> frame) {
    queued_ = true;
    state_->takers.push_back(*this);
    begin(frame);
  }
  bool await_resume() {
    leave();
    return std::exchange(granted_, false);
  }

 private:
  friend struct State;
  void grant() {
    state_->grant(bytes_);
    granted_ = true;
  }
  /// Whoever stood behind may fit now.
  void leave() {
    if (!std::exchange(queued_, false)) return;
    Link<QueueTag>::unlink();
    if (!granted_) state_->serve();
  }

  std::shared_ptr<State> state_;
  std::size_t bytes_;
  bool queued_ = false;
  bool granted_ = false;
};

void Charge::State::serve() {
  while (!takers.empty()) {
    Taker& first = static_cast<Taker&>(takers.front());
    if (!fits(first.bytes_)) return;
    first.grant();
    first.wake(Woken::notified);
  }
}

Task<Result<Charge>> Budget::take(std::size_t bytes, Deadline until) {
  const auto state = state_;
  if (!co_await Charge::Taker(state, bytes, until)) co_return fail(Errc::overloaded, state->name);
  co_return Charge(state, bytes);
}

std::size_t Budget::used() const {
  return state_->used;
}
std::size_t Budget::limit() const {
  return state_->limit;
}
std::size_t Budget::peak() const {
  return state_->peak;
}

}  // namespace chronik::task
