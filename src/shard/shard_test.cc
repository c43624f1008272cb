// Cross-shard calls in the simulated world: answers, deadlines, back-pressure.
#include "shard/shard.h"

#include <gtest/gtest.h>

#include "sim/sim_env.h"

namespace chronik::shard {
namespace {

struct World {
  explicit World(std::size_t shards) : world(sim::World::create(1)) {
    std::vector<env::Env*> envs;
    for (std::size_t i = 0; i < shards; ++i) envs.push_back(&world->machine("m").env(i));
    set = std::make_unique<ShardSet>(envs);
  }
  ~World() {
    world->machine("m").crash();
    set->stop();
  }
  Shard& operator[](std::size_t i) { return set->at(i); }
  template <class T>
  std::shared_ptr<std::optional<T>> start(std::size_t on, task::Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    (*this)[on].context().spawn("test", store(std::move(task), result));
    return result;
  }
  template <class T>
  T run(std::size_t on, task::Task<T> task) {
    const auto result = start(on, std::move(task));
    EXPECT_TRUE(world->run_until([&] { return result->has_value(); }, 60s));
    return std::move(**result);
  }
  template <class T>
  static task::Task<void> store(task::Task<T> task, std::shared_ptr<std::optional<T>> into) {
    into->emplace(co_await std::move(task));
  }
  std::unique_ptr<sim::World> world;
  std::unique_ptr<ShardSet> set;
};

task::Task<Result<std::uint32_t>> whose(Shard& shard) {
  co_return shard.id().value();
}

TEST(Call, runs_on_the_target_and_answers_here) {
  World w(3);
  for (std::size_t to = 0; to < 3; ++to) {
    EXPECT_EQ(w.run(1, call(w[1], w[to], "t", w[1].context().after(1s), whose)).value(), to);
  }
}

TEST(Call, errors_travel_too) {
  World w(2);
  auto refuse = [](Shard&) -> task::Task<Status> { co_return fail(Errc::disk_full, "there"); };
  const Status status = w.run(0, call(w[0], w[1], "t", w[0].context().after(1s), refuse));
  EXPECT_EQ(status.error().code, Errc::disk_full);
  EXPECT_EQ(status.error().detail, "there");
}

task::Task<Result<int>> finish_after(Shard& shard, Duration span, bool& finished) {
  co_await task::sleep_until(shard.context(), "slow", shard.context().after(span));
  finished = true;
  co_return 1;
}

// lesson: Forwarding a request hung forever when the leader died (every wait has its deadline)
TEST(Call, ends_at_its_deadline_and_a_late_answer_does_no_harm) {
  World w(2);
  bool finished = false;
  auto slow = [&finished](Shard& shard) { return finish_after(shard, 100ms, finished); };
  const Instant begin = w.world->now();
  const auto result = w.run(0, call(w[0], w[1], "slow.call", w[0].context().after(20ms), slow));
  EXPECT_EQ(result.error().code, Errc::timed_out);
  EXPECT_EQ(w.world->now() - begin, 20ms);
  EXPECT_EQ(w[0].context().detached(), 1U);
  EXPECT_FALSE(finished);
  w.world->run_for(1s);
  EXPECT_TRUE(finished);
  EXPECT_EQ(w[0].context().detached(), 0U);
  EXPECT_EQ(w[1].context().running(), 0U);
}

TEST(Call, stands_in_the_registry_while_it_waits) {
  World w(2);
  auto slow = [](Shard& shard) -> task::Task<Result<int>> {
    co_await task::sleep_until(shard.context(), "asleep", shard.context().after(1s));
    co_return 1;
  };
  const auto result = w.start(0, call(w[0], w[1], "the.call", w[0].context().after(5s), slow));
  w.world->run_for(10ms);
  ASSERT_EQ(w[0].context().in_flight().size(), 1U);
  EXPECT_EQ(w[0].context().in_flight()[0].what, "the.call");
  ASSERT_EQ(w[1].context().in_flight().size(), 1U);
  EXPECT_EQ(w[1].context().in_flight()[0].what, "asleep");
  w.world->run_for(5s);
  EXPECT_TRUE(result->has_value());
  EXPECT_TRUE(w[0].context().in_flight().empty());
}

// lesson: Memory exhaustion under load (the rings are bounded)
TEST(Send, a_full_ring_holds_senders_back_until_there_is_room) {
  World w(2);
  constexpr int kMessages = 5000;
  int arrived = 0;
  bool in_order = true;
  auto sender = [](World& world, int& count, bool& ordered) -> task::Task<Status> {
    for (int i = 0; i < kMessages; ++i) {
      env::Thunk message = [i, &count, &ordered] { ordered = ordered && count++ == i; };
      CO_TRY_STATUS(co_await world.set->send(world[0], world[1], std::move(message), world[0].context().after(1s)));
    }
    co_return Status{};
  };
  const auto sent = w.start(0, sender(w, arrived, in_order));
  w.world->step();
  std::size_t most = 0;
  while (!sent->has_value() && w.world->step()) most = std::max(most, w.set->queued(ShardId(1)));
  ASSERT_TRUE(sent->has_value());
  ASSERT_TRUE(**sent);
  w.world->run_for(1ms);
  EXPECT_EQ(arrived, kMessages);
  EXPECT_TRUE(in_order);
  EXPECT_EQ(most, 1024U);
  EXPECT_EQ(w.set->queued(ShardId(1)), 0U);
}

TEST(Send, a_ring_that_stays_full_is_overloaded_at_the_deadline_and_nothing_is_counted_for_ever) {
  World w(2);
  // All of it happens before the other shard's first turn.
  auto flood = [](World& world, int count) -> task::Task<Status> {
    Status last;
    for (int i = 0; i < count && last; ++i) {
      // A deadline that has passed: without room there is no waiting.
      last = co_await world.set->send(world[0], world[1], [] {}, world[0].context().after(0s));
    }
    co_return last;
  };
  const auto result = w.start(0, flood(w, 2000));
  w.world->step();
  w.world->step();
  EXPECT_EQ(w.set->queued(ShardId(1)), 1024U);
  const auto called = w.start(0, call(w[0], w[1], "t", w[0].context().after(0s), whose));
  w.world->step();
  w.world->run_for(1s);
  ASSERT_TRUE(result->has_value());
  ASSERT_TRUE(called->has_value());
  EXPECT_EQ((**result).error().code, Errc::overloaded);
  EXPECT_EQ((**called).error().code, Errc::overloaded);
  EXPECT_EQ(w[0].context().detached(), 0U);
  EXPECT_EQ(w.set->queued(ShardId(1)), 0U);
}

TEST(Send, many_waiting_senders_all_get_through) {
  World w(2);
  int arrived = 0, done = 0;
  auto sender = [](World& world, int& count, int& ended) -> task::Task<void> {
    for (int i = 0; i < 40; ++i) {
      EXPECT_TRUE(co_await world.set->send(world[0], world[1], [&count] { ++count; }, world[0].context().after(5s)));
    }
    ++ended;
  };
  for (int i = 0; i < 200; ++i) w[0].context().spawn("t", sender(w, arrived, done));
  ASSERT_TRUE(w.world->run_until([&] { return done == 200 && arrived == 8000; }, 5s));
}

TEST(Call, both_ways_at_once_under_pressure_does_not_deadlock) {
  World w(2);
  int done = 0;
  auto caller = [](World& world, std::size_t from, int& ended) -> task::Task<void> {
    Shard& here = world[from];
    Shard& there = world[1 - from];
    for (int i = 0; i < 3; ++i) {
      const auto answer = co_await call(here, there, "t", here.context().after(10s), whose);
      EXPECT_EQ(answer.value_or(99), 1 - from);
    }
    ++ended;
  };
  for (int i = 0; i < 3000; ++i) {
    w[0].context().spawn("t", caller(w, 0, done));
    w[1].context().spawn("t", caller(w, 1, done));
  }
  ASSERT_TRUE(w.world->run_until([&] { return done == 6000; }, 10s));
}

task::Task<Result<std::shared_ptr<int>>> keep_for_a_while(Shard& shard, std::shared_ptr<int> token) {
  co_await task::sleep_until(shard.context(), "t", shard.context().after(3us));
  co_return token;
}

TEST(Call, dropped_with_its_shard_leaves_nothing) {
  for (std::uint64_t steps = 0; steps < 30; ++steps) {
    World w(2);
    auto token = std::make_shared<int>(0);
    const std::weak_ptr<int> watch = token;
    auto body = [token](Shard& shard) { return keep_for_a_while(shard, token); };
    w[0].context().spawn("t", World::store(call(w[0], w[1], "t", w[0].context().after(1s), std::move(body)),
                                           std::make_shared<std::optional<Result<std::shared_ptr<int>>>>()));
    token.reset();
    for (std::uint64_t i = 0; i < steps; ++i) w.world->step();
    w[steps % 2].context().stop();
    w.world->run_for(2s);
    w[1 - steps % 2].context().stop();
    w.world->machine("m").crash();
    w.set.reset();
    EXPECT_TRUE(watch.expired());
    w.set = std::make_unique<ShardSet>(std::vector<env::Env*>{});
  }
}

TEST(Ring, holds_what_it_can_and_gives_it_back_in_order) {
  Ring<int> ring(8);
  Prng prng(1);
  int next_in = 1, next_out = 1;
  for (int step = 0; step < 10'000; ++step) {
    if (prng.chance(1, 2)) {
      int item = next_in;
      const bool full = next_in - next_out == 8;
      ASSERT_EQ(ring.push(item), !full);
      if (!full) ++next_in;
    } else {
      int item = 0;
      const bool empty = next_in == next_out;
      ASSERT_EQ(ring.pop(item), !empty);
      if (!empty) {
        ASSERT_EQ(item, next_out++);
      }
    }
    ASSERT_EQ(ring.size(), static_cast<std::size_t>(next_in - next_out));
  }
}

}  // namespace
}  // namespace chronik::shard
