#include "shard/shard.h"

namespace chronik::shard {

Shard::Shard(ShardSet& set, ShardId id, env::Env& env) : set_(set), id_(id), context_(env), ring_space_(context_) {}

ShardSet::ShardSet(const std::vector<env::Env*>& envs) {
  for (std::size_t i = 0; i < envs.size() * envs.size(); ++i) lanes_.push_back(std::make_unique<Lane>());
  for (std::size_t i = 0; i < envs.size(); ++i) {
    shards_.push_back(std::make_unique<Shard>(*this, ShardId(static_cast<std::uint32_t>(i)), *envs[i]));
  }
}

task::Task<Status> ShardSet::send(Shard& from, Shard& to, env::Thunk message, Deadline until) {
  Lane& way = lane(from.id(), to.id());
  while (!way.ring.push(message)) {
    // Announce first, look again, then wait: the drainer reads the flag after it made room. Both sides exchange, so
    // that whoever comes second sees what the first one did; a store would leave a window.
    way.sender_waits.exchange(true, std::memory_order_acq_rel);
    if (way.ring.push(message)) break;
    if (co_await from.ring_space_.wait("shard.ring", until) == task::Woken::timed_out) {
      co_return fail(Errc::overloaded, "shard.ring");
    }
  }
  wake(to);
  co_return Status{};
}

void ShardSet::wake(Shard& to) {
  if (to.drain_requested_.exchange(true, std::memory_order_acq_rel)) return;
  to.context().env().loop.post_remote([this, &to] { drain(to); });
}

void ShardSet::drain(Shard& to) {
  // An exchange, not a store: it sees every message whose sender found the request already made.
  to.drain_requested_.exchange(false, std::memory_order_acq_rel);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    Shard& from = *shards_[i];
    Lane& way = lane(from.id(), to.id());
    env::Thunk message;
    // At most one ring's worth each turn, so that a busy neighbour cannot starve this loop's I/O.
    std::size_t taken = 0;
    while (taken < kRingCapacity && way.ring.pop(message)) {
      ++taken;
      message();
    }
    if (taken == kRingCapacity) wake(to);
    if (way.sender_waits.exchange(false, std::memory_order_acq_rel)) {
      from.context().env().loop.post_remote([&from] { from.ring_space_.notify_all(); });
    }
  }
}

std::size_t ShardSet::queued(ShardId to) const {
  std::size_t total = 0;
  for (std::size_t from = 0; from < shards_.size(); ++from) {
    total += lanes_[from * shards_.size() + to.value()]->ring.size();
  }
  return total;
}

void ShardSet::stop() {
  for (auto& shard : shards_) shard->context().stop();
}

}  // namespace chronik::shard
