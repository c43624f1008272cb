// Channels and env operations with deadlines.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "sim/sim_env.h"
#include "task/channel.h"
#include "task/io.h"

namespace chronik::task {
namespace {

struct Rig {
  Rig() : world(sim::World::create(1)), machine(world->machine("m")) {
    context = std::make_unique<Context>(machine.env());
  }
  ~Rig() { context->stop(); }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    context->spawn("test", store(std::move(task), result));
    EXPECT_TRUE(world->run_until([&] { return result.has_value(); }, 60s));
    return std::move(*result);
  }
  template <class T>
  static Task<void> store(Task<T> task, std::optional<T>& into) {
    into.emplace(co_await std::move(task));
  }
  void stall(bool on) {
    machine.disk_faults().stalled = on;
    machine.disk_faults_changed();
  }
  std::unique_ptr<sim::World> world;
  sim::Machine& machine;
  std::unique_ptr<Context> context;
};

Task<void> produce(Context& context, Channel<int>& channel, int count, std::size_t& largest) {
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(co_await channel.send(i, context.after(1s)));
    largest = std::max(largest, channel.size());
  }
  channel.close();
}
Task<void> consume(Context& context, Channel<int>& channel, std::vector<int>& got, Errc& end, Duration pace) {
  for (;;) {
    auto item = co_await channel.receive(context.after(1s));
    if (!item) {
      end = item.error().code;
      co_return;
    }
    got.push_back(*item);
    if (pace > 0s) co_await sleep_until(context, "pace", context.after(pace));
  }
}

// lesson: Memory exhaustion under load (unbounded channels)
TEST(Channel, a_slow_consumer_holds_the_sender_back_and_loses_nothing) {
  Rig rig;
  Channel<int> channel(*rig.context, "c", 4);
  std::vector<int> got;
  std::size_t largest = 0;
  Errc end{};
  rig.context->spawn("t", consume(*rig.context, channel, got, end, 1ms));
  rig.context->spawn("t", produce(*rig.context, channel, 500, largest));
  rig.world->run_for(10s);
  ASSERT_EQ(got.size(), 500U);
  EXPECT_TRUE(std::ranges::is_sorted(got));
  EXPECT_EQ(largest, 4U);
  EXPECT_EQ(end, Errc::closed);
}

// lesson: Failures at 128 producers (queues wait with a deadline, then a named error)
TEST(Channel, full_until_the_deadline_is_overloaded_and_empty_is_timed_out) {
  Rig rig;
  Channel<int> channel(*rig.context, "c", 1);
  ASSERT_TRUE(channel.try_send(1));
  EXPECT_EQ(channel.try_send(2).error().code, Errc::overloaded);
  const Instant begin = rig.context->now();
  EXPECT_EQ(rig.run(channel.send(2, rig.context->after(5ms))).error().code, Errc::overloaded);
  EXPECT_EQ(rig.context->now() - begin, 5ms);
  EXPECT_EQ(rig.run(channel.receive(rig.context->after(5ms))).value(), 1);
  EXPECT_EQ(rig.run(channel.receive(rig.context->after(5ms))).error().code, Errc::timed_out);
}

TEST(Channel, close_fails_senders_and_lets_receivers_drain) {
  Rig rig;
  Channel<int> channel(*rig.context, "c", 1);
  ASSERT_TRUE(channel.try_send(1));
  std::optional<Status> sent;
  rig.context->spawn("t", Rig::store(channel.send(2, rig.context->after(1s)), sent));
  rig.world->run_for(1ms);
  channel.close();
  rig.world->run_for(1ms);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->error().code, Errc::closed);
  EXPECT_EQ(channel.try_send(3).error().code, Errc::closed);
  EXPECT_EQ(rig.run(channel.receive(rig.context->after(1s))).value(), 1);
  EXPECT_EQ(rig.run(channel.receive(rig.context->after(1s))).error().code, Errc::closed);
}

TEST(Channel, every_item_goes_to_exactly_one_of_many_receivers) {
  Rig rig;
  Channel<int> channel(*rig.context, "c", 3);
  std::vector<int> got;
  std::size_t largest = 0;
  Errc end[5]{};
  for (Errc& e : end) rig.context->spawn("t", consume(*rig.context, channel, got, e, 100us));
  rig.context->spawn("t", produce(*rig.context, channel, 300, largest));
  rig.world->run_for(5s);
  EXPECT_EQ(got.size(), 300U);
  EXPECT_TRUE(std::ranges::is_sorted(got));
  for (const Errc e : end) EXPECT_EQ(e, Errc::closed);
}

// lesson: A node froze for 3 hours, at 0 % CPU (the wait ends at its deadline, the operation is detached)
TEST(Operation, a_deadline_ends_the_wait_and_the_operation_ends_later_without_harm) {
  Rig rig;
  auto file = rig.run(open(*rig.context, "f", {.create = true}, rig.context->after(1s))).value();
  rig.stall(true);
  const Instant begin = rig.context->now();
  auto buffer = Buffer::copy_of(as_bytes("late"));
  const auto status = rig.run(write(*rig.context, file, 0, {buffer}, env::Sync::data, rig.context->after(20ms)));
  EXPECT_EQ(status.error().code, Errc::timed_out);
  EXPECT_EQ(rig.context->now() - begin, 20ms);
  EXPECT_EQ(rig.context->detached(), 1U);
  rig.stall(false);
  rig.world->run_for(1s);
  EXPECT_EQ(rig.context->detached(), 0U);
  const auto text = rig.run(read_whole(*rig.context, "f", 100, rig.context->after(1s)));
  EXPECT_EQ(as_text(text->span()), "late");
}

TEST(Operation, dropped_with_its_context_it_still_ends_without_harm) {
  Rig rig;
  rig.stall(true);
  std::optional<Result<env::FilePtr>> result;
  rig.context->spawn("t", Rig::store(open(*rig.context, "f", {.create = true}, rig.context->after(1h)), result));
  rig.world->run_for(1s);
  ASSERT_EQ(rig.context->in_flight().size(), 1U);
  EXPECT_EQ(rig.context->in_flight()[0].what, "disk.open");
  rig.context->stop();
  EXPECT_EQ(rig.context->detached(), 1U);
  const auto counter = rig.context->detached_counter();
  rig.context = std::make_unique<Context>(rig.world->machine("other").env());
  rig.stall(false);
  rig.world->run_for(1s);
  EXPECT_EQ(counter->load(), 0U);
  EXPECT_FALSE(result.has_value());
}

TEST(Operation, whose_callback_is_never_called_is_not_counted_forever) {
  Rig rig;
  {
    Operation<void> operation(*rig.context, "x", rig.context->after(1s));
    (void)operation.callback();  // dropped
  }
  EXPECT_EQ(rig.context->detached(), 0U);
}

TEST(AtomicWrite, a_late_write_of_an_earlier_attempt_does_not_reach_the_next) {
  for (std::uint64_t round = 0; round < 10; ++round) {
    Rig rig;
    // Stalled at a growing distance, so that each step of the first attempt is the one that hangs.
    std::optional<Status> first;
    const auto old_content = Buffer::copy_of(as_bytes(std::string(30'000, 'o')));
    rig.context->spawn(
        "t", Rig::store(write_file_atomically(*rig.context, "", "f", old_content, rig.context->after(50ms)), first));
    rig.world->run_for(round * 150us);
    rig.stall(true);
    rig.world->run_for(1s);
    ASSERT_TRUE(first.has_value());
    rig.machine.disk_faults().stalled = false;  // what was held stays held
    const auto content = Buffer::copy_of(as_bytes(std::string(20'000, 'n')));
    ASSERT_TRUE(rig.run(write_file_atomically(*rig.context, "", "f", content, rig.context->after(1s))));
    const auto early = rig.run(read_whole(*rig.context, "f", 100'000, rig.context->after(1s)));
    EXPECT_TRUE(as_text(early->span()) == as_text(content.span()));
    rig.stall(false);
    rig.world->run_for(1s);
    // A late write, truncation or open has no effect on it; only a late rename of the first attempt's own file could,
    // which is why a time-out fails the directory for good.
    const auto late = rig.run(read_whole(*rig.context, "f", 100'000, rig.context->after(1s)));
    if (late) {
      EXPECT_TRUE(as_text(late->span()) == as_text(content.span())) << round;
    }
  }
}

}  // namespace
}  // namespace chronik::task
