#include "task/context.h"

#include <algorithm>

namespace chronik::task {

/// The outermost frame of a spawned coroutine: registers itself, ends by destroying itself.
struct Context::Root {
  struct promise_type : ScopedRoot {
    Context* context;
    std::size_t index = 0;

    promise_type(Context& owner, Task<void>&) : context(&owner) {}
    Root get_return_object() {
      const auto self = std::coroutine_handle<promise_type>::from_promise(*this);
      frame = self;
      return Root{self};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { std::terminate(); }
    ~promise_type() {
      // Swap-remove from the owner's table.
      auto& roots = context->roots_;
      void* const last = roots.back();
      roots[index] = last;
      std::coroutine_handle<promise_type>::from_address(last).promise().index = index;
      roots.pop_back();
      --context->running_;
    }
  };
  std::coroutine_handle<promise_type> frame;
};

Context::Root Context::run_root(Context& /*context*/, Task<void> body) {
  co_await std::move(body);
}

Context::Context(env::Env& env)
    : env_(env),
      alive_(std::make_shared<bool>(true)),
      detached_(std::make_shared<std::atomic<std::uint64_t>>(0)),
      loop_lag_(metrics_.histogram("chronik_shard_loop_lag_microseconds",
                                   "From a coroutine becoming ready to the turn that runs it")) {
  env_.loop.on_alarm([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    alarm_.reset();
    expire();
    rearm();
  });
}

Context::~Context() {
  stop();
}

void Context::stop() {
  stopped_ = true;
  while (!roots_.empty()) std::coroutine_handle<>::from_address(roots_.back()).destroy();
}

namespace {
/// Suspends once, as a ready wait, so that a spawned body starts on the next turn and in order.
struct NextTurn {
  Wait wait;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> frame) { wait.begin_ready(frame); }
  void await_resume() const noexcept {}
};

Task<void> start_later(Context& context, const char* name, Task<void> body) {
  co_await NextTurn{Wait(context, name, context.after(0s))};
  co_await std::move(body);
}
}  // namespace

void Context::spawn(const char* name, Task<void> body) {
  spawn_into(nullptr, name, std::move(body));
}

void Context::spawn_into(Scope* scope, const char* name, Task<void> body) {
  if (stopped_) return;
  const Root root = run_root(*this, start_later(*this, name, std::move(body)));
  root.frame.promise().index = roots_.size();
  roots_.push_back(root.frame.address());
  ++running_;
  if (scope) scope->roots_.push_back(root.frame.promise());
  root.frame.resume();
}

void Scope::spawn(const char* name, Task<void> body) {
  context_.spawn_into(this, name, std::move(body));
}

void Scope::stop() {
  while (!roots_.empty()) roots_.front().frame.destroy();
}

void Context::enlist(Wait& wait) {
  registry_.push_back(wait);
  timers_.add(wait);
  // Deadlines mostly lie behind the alarm already set; a woken wait leaves a stale alarm, never a missing one.
  if (!alarm_ || wait.until().at < *alarm_) rearm();
}

void Context::make_ready(Wait& wait) {
  timers_.remove(wait);
  wait.Link<QueueTag>::unlink();
  ready_.push_back(wait);
  request_turn();
}

void Context::request_turn() {
  if (turn_requested_) return;
  turn_requested_ = true;
  turn_requested_at_ = now();
  env_.loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) turn();
  });
}

void Context::turn() {
  turn_requested_ = false;
  loop_lag_.record(now() - turn_requested_at_);
  // Only what is ready now: what becomes ready meanwhile runs on the next turn, so I/O is never starved.
  WaitQueue batch;
  batch.take_all(ready_);
  while (!batch.empty()) {
    Wait& wait = batch.front();
    wait.Link<QueueTag>::unlink();
    wait.Link<RegistryTag>::unlink();
    wait.waiter_.resume();
  }
}

void Context::expire() {
  const Instant at = now();
  while (Wait* wait = timers_.pop_due(at)) wait->wake(Woken::timed_out);
}

void Context::rearm() {
  const auto next = timers_.next();
  if (!next) return;
  if (alarm_ && *alarm_ <= *next) return;
  alarm_ = next;
  env_.loop.set_alarm(*next);
}

std::vector<InFlight> Context::in_flight() const {
  std::vector<InFlight> rows;
  const Instant at = now();
  registry_.for_each([&](Wait& wait) { rows.push_back({wait.what(), at - wait.since(), wait.until().at - at}); });
  std::ranges::sort(rows, [](const InFlight& a, const InFlight& b) { return a.age > b.age; });
  return rows;
}

Wait::~Wait() {
  context_.timers_.remove(*this);
}

void Wait::begin(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  since_ = context_.now();
  context_.enlist(*this);
}

void Wait::begin_ready(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  since_ = context_.now();
  woken_ = true;
  context_.registry_.push_back(*this);
  context_.make_ready(*this);
}

void Wait::wake(Woken how) {
  if (woken_) return;
  woken_ = true;
  outcome_ = how;
  context_.make_ready(*this);
}

}  // namespace chronik::task
