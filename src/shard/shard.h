// Shards: one loop per core, each the sole owner of its partitions, groups and connections (law 3). They meet only
// here, through call(): a bounded ring for each ordered pair, one wake-up per batch of messages.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "shard/ring.h"
#include "task/context.h"
#include "task/event.h"
#include "task/operation.h"

namespace chronik::shard {

class ShardSet;

class Shard {
 public:
  Shard(ShardSet& set, ShardId id, env::Env& env);

  ShardId id() const { return id_; }
  ShardSet& set() { return set_; }
  task::Context& context() { return context_; }

 private:
  friend class ShardSet;

  ShardSet& set_;
  ShardId id_;
  task::Context context_;
  task::Event ring_space_;                    // some ring from here has room again
  std::atomic<bool> drain_requested_{false};  // a wake-up of this shard is on its way
};

class ShardSet {
 public:
  /// One shard for each Env. Construct before the loops run; destroy after they ended.
  explicit ShardSet(const std::vector<env::Env*>& envs);

  std::size_t size() const { return shards_.size(); }
  Shard& at(ShardId id) { return *shards_[id.value()]; }
  Shard& at(std::size_t index) { return *shards_[index]; }

  /// Hands `message` to `to`'s thread. Waits for room until the deadline: overloaded.
  task::Task<Status> send(Shard& from, Shard& to, env::Thunk message, Deadline until);

  /// Messages queued towards `to`, from all shards.
  std::size_t queued(ShardId to) const;
  /// Destroys every coroutine of every shard. After the loops ended.
  void stop();

 private:
  struct Lane {
    Lane() : ring(kRingCapacity) {}
    Ring<env::Thunk> ring;
    std::atomic<bool> sender_waits{false};
  };
  static constexpr std::size_t kRingCapacity = 1024;

  Lane& lane(ShardId from, ShardId to) { return *lanes_[from.value() * shards_.size() + to.value()]; }
  void wake(Shard& to);
  void drain(Shard& to);

  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

namespace detail {
template <class F>
using CallResult = typename std::invoke_result_t<F&, Shard&>::value_type;

/// Runs on the target; its answer travels back the way the question came.
template <class F>
task::Task<void> serve(Shard& from, Shard& to, Deadline until, F body,
                       env::Callback<typename CallResult<F>::value_type> done) {
  auto result = co_await body(to);
  env::Thunk reply = [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); };
  // A reply that finds no room by the deadline is dropped: the caller's wait has ended by then.
  (void)co_await to.set().send(to, from, std::move(reply), until);
}
}  // namespace detail

/// Runs `body(Shard&) -> Task<Result<T>>` on shard `to` and gives its result here. When the deadline passes the wait
/// ends with timed_out and the body goes on. What `body` captures moves to the other thread: values and Buffers, never
/// pointers into this shard.
template <class F>
task::Task<detail::CallResult<F>> call(Shard& from, Shard& to, const char* what, Deadline until, F body) {
  if (&from == &to) co_return co_await body(to);
  task::Operation<typename detail::CallResult<F>::value_type> operation(from.context(), what, until);
  env::Thunk request = [&from, &to, what, until, body = std::move(body), done = operation.callback()]() mutable {
    to.context().spawn(what, detail::serve(from, to, until, std::move(body), std::move(done)));
  };
  auto sent = co_await from.set().send(from, to, std::move(request), until);
  if (!sent) co_return std::unexpected(std::move(sent).error());
  co_return co_await operation;
}

}  // namespace chronik::shard
