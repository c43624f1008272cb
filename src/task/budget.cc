#include "task/budget.h"

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
  if (state_->queued > 0 || !state_->fits(bytes)) return fail(Errc::overloaded, state_->name);
  state_->grant(bytes);
  return Charge(state_, bytes);
}

Task<Result<Charge>> Budget::take(std::size_t bytes, Deadline until) {
  const auto state = state_;
  struct Queued {
    std::size_t& count;
    explicit Queued(std::size_t& n) : count(n) { ++count; }
    ~Queued() { --count; }
  };
  // Arrival order: a newcomer waits behind those who wait already.
  bool first_look = state->queued == 0;
  const Queued queued(state->queued);
  while (!(first_look && state->fits(bytes))) {
    const Woken woken = co_await state->freed.wait(state->name, until);
    if (woken == Woken::closed) co_return fail(Errc::closed, state->name);
    if (woken == Woken::timed_out) {
      state->freed.notify_one();  // our turn passes on
      co_return fail(Errc::overloaded, state->name);
    }
    first_look = true;
  }
  state->grant(bytes);
  if (state->used < state->limit) state->freed.notify_one();
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
