// Time, loops, crashes and sockets of the simulated world.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "sim/sim_env.h"

namespace chronik::sim {
namespace {

std::vector<Buffer> one(std::string_view text) {
  return {Buffer::copy_of(as_bytes(text))};
}

TEST(World, thunks_run_in_order_and_alarms_when_due) {
  auto world = World::create(1);
  env::Loop& loop = world->machine("a").env().loop;
  std::vector<std::string> seen;
  const Instant start = world->now();
  loop.on_alarm([&] { seen.push_back("alarm"); });
  loop.set_alarm(start + 10ms);
  loop.set_alarm(start + 5ms);
  loop.post([&] { seen.push_back("one"); });
  loop.post([&] { seen.push_back("two"); });
  EXPECT_TRUE(seen.empty());
  world->run_for(4ms);
  EXPECT_EQ(seen, (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(world->run_until([&] { return seen.size() == 3; }, 2ms));
  EXPECT_EQ(world->now() - start, 5ms);
  world->run_for(1s);
  EXPECT_EQ(seen.size(), 3U);
}

TEST(World, an_alarm_put_off_fires_once_at_the_later_time) {
  auto world = World::create(1);
  env::Loop& loop = world->machine("a").env().loop;
  std::vector<Instant> fired;
  loop.on_alarm([&] { fired.push_back(world->now()); });
  const Instant start = world->now();
  loop.set_alarm(start + 1ms);
  loop.set_alarm(start + 7ms);
  world->run_for(1s);
  ASSERT_EQ(fired.size(), 1U);
  EXPECT_EQ(fired[0] - start, 7ms);
}

TEST(World, a_crash_silences_the_process_and_frees_what_it_waited_with) {
  auto world = World::create(7);
  Machine& machine = world->machine("a");
  env::Env& old = machine.env();
  int calls = 0;
  auto token = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = token;
  // A destructor that calls into the dead env, as a coroutine frame would.
  struct Late {
    env::Env* env;
    ~Late() {
      if (env != nullptr) env->loop.post([] { FAIL(); });
    }
    explicit Late(env::Env* e) : env(e) {}
    Late(Late&& other) noexcept : env(std::exchange(other.env, nullptr)) {}
    Late& operator=(Late&&) = delete;
  };
  old.loop.on_alarm([&] { ++calls; });
  old.loop.set_alarm(world->now() + 1ms);
  old.loop.post([&, token, late = Late(&old)] { ++calls; });
  old.disk.open("f", {.create = true}, [&, token](Result<env::FilePtr>) { ++calls; });
  old.network.connect({"b", 1}, [&, token](Result<env::StreamPtr>) { ++calls; });
  token.reset();
  machine.crash();
  EXPECT_TRUE(watch.expired());
  old.loop.post([&] { ++calls; });
  world->run_for(1s);
  EXPECT_EQ(calls, 0);
  env::Env& fresh = machine.env();
  EXPECT_NE(&fresh, &old);
  fresh.loop.post([&] { ++calls; });
  world->run_for(1ms);
  EXPECT_EQ(calls, 1);
}

TEST(World, a_process_may_crash_from_inside_its_own_event) {
  auto world = World::create(3);
  Machine& machine = world->machine("a");
  int calls = 0;
  machine.env().loop.post([&] { ++calls; });
  machine.env().loop.post([&] {
    machine.crash();
    machine.env(3).loop.post([&] { calls += 10; });
  });
  machine.env().loop.post([&] { ++calls; });
  world->run_for(1s);
  EXPECT_EQ(calls, 11);
}

TEST(WorldDeathTest, a_call_from_another_loop_ends_the_program) {
  auto world = World::create(3);
  Machine& machine = world->machine("a");
  machine.env(0).loop.post([&] { machine.env(1).loop.post_remote([] {}); });
  world->run_for(1s);
  machine.env(0).loop.post([&] { machine.env(1).loop.post([] {}); });
  EXPECT_DEATH(world->run_for(1s), "check_thread");
}

TEST(WorldDeathTest, an_unaligned_direct_write_ends_the_program) {
  auto world = World::create(3);
  env::FilePtr file;
  world->machine("a").env().disk.open("f", {.create = true, .direct = true}, [&](auto f) { file = f.value(); });
  world->run_for(1s);
  EXPECT_DEATH(file->write(512, {}, env::Sync::none, [](Status) {}), "kDirectAlignment");
}

struct Pair {
  env::ListenerPtr listener;
  env::StreamPtr client, server;
};

Pair connect(World& world, std::uint16_t port = 9092) {
  Pair pair;
  env::Env& a = world.machine("a").env();
  env::Env& b = world.machine("b").env();
  pair.listener = b.network.listen({"b", port}).value();
  pair.listener->accept(b.network, [&](Result<env::StreamPtr> s) { pair.server = s.value(); });
  a.network.connect({"b", port}, [&](Result<env::StreamPtr> s) { pair.client = s.value(); });
  EXPECT_TRUE(world.run_until([&] { return pair.client && pair.server; }, 1s));
  return pair;
}

TEST(Sockets, bytes_arrive_in_order_whole_and_windowed) {
  auto world = World::create(11);
  Pair pair = connect(*world);
  std::string sent;
  Prng prng(5);
  for (int i = 0; i < 2'000'000; ++i) sent.push_back(static_cast<char>(prng.next()));
  bool written = false;
  pair.client->write({Buffer::copy_of(as_bytes(sent).first(7)), {}, Buffer::copy_of(as_bytes(sent).subspan(7))},
                     [&](Status s) { written = s.has_value(); });
  world->run_for(1s);
  EXPECT_FALSE(written);  // the window is full
  std::string received;
  auto block = Block::allocate(64 * 1024);
  std::function<void()> read = [&] {
    pair.server->read_some(block, 5, 60'000, [&](Result<std::size_t> n) {
      ASSERT_TRUE(n.has_value());
      received.append(as_text(ByteSpan(block->data() + 5, *n)));
      if (*n > 0) read();
    });
  };
  read();
  EXPECT_TRUE(world->run_until([&] { return received.size() == sent.size(); }, 10s));
  EXPECT_TRUE(written);
  EXPECT_EQ(received, sent);
  pair.client->close();
  world->run_for(1s);
}

TEST(Sockets, close_ends_the_peer_and_what_was_in_flight) {
  auto world = World::create(12);
  Pair pair = connect(*world);
  std::optional<Result<std::size_t>> mine, theirs;
  auto block = Block::allocate(16);
  pair.client->read_some(block, 0, 16, [&](Result<std::size_t> n) { mine = n; });
  pair.server->read_some(block, 0, 16, [&](Result<std::size_t> n) { theirs = n; });
  pair.client->close();
  pair.client->close();
  EXPECT_FALSE(mine.has_value());
  world->run_for(1s);
  EXPECT_EQ(mine.value().error().code, Errc::closed);
  EXPECT_EQ(theirs.value().value(), 0U);
  std::optional<Status> write;
  pair.server->write(one("x"), [&](Status s) { write = s; });
  world->run_for(1s);
  EXPECT_EQ(write.value().error().code, Errc::unreachable);
}

// Whatever the world is in the middle of when it ends, what the waits held is freed.
TEST(Sockets, nothing_outlives_a_world_that_ends_at_any_step) {
  for (int last = 0; last < 60; ++last) {
    auto token = std::make_shared<int>(0);
    const std::weak_ptr<int> watch = token;
    {
      auto world = World::create(14);
      Pair pair = connect(*world);
      const auto block = Block::allocate(16);
      const auto done = [token](auto&&) {};
      env::Env& b = world->machine("b").env();
      pair.listener->accept(b.network, done);
      world->machine("a").env().network.connect({"b", 9092}, done);
      world->machine("a").env().network.connect({"b", 9092}, done);
      pair.client->read_some(block, 0, 16, done);
      pair.server->read_some(block, 0, 16, done);
      pair.client->write({Buffer::copy_of(as_bytes(std::string(600'000, 'x')))}, done);
      int steps = 0;
      world->run_until([&] { return ++steps > last / 2; }, 1s);
      if (last % 2 == 0) pair.client->close();
      pair.server->write(one("x"), done);
      steps = 0;
      world->run_until([&] { return ++steps > last % 5; }, 1s);
      token = nullptr;
    }
    EXPECT_TRUE(watch.expired()) << last;
  }
}

TEST(Sockets, refused_in_use_and_silent_after_the_peer_crashed) {
  auto world = World::create(13);
  env::Env& a = world->machine("a").env();
  std::optional<Result<env::StreamPtr>> result;
  a.network.connect({"b", 1}, [&](Result<env::StreamPtr> s) { result = s; });
  world->run_for(1s);
  EXPECT_EQ(result.value().error().code, Errc::unreachable);

  Pair pair = connect(*world);
  EXPECT_EQ(world->machine("b").env(1).network.listen({"b", 9092}).error().code, Errc::in_use);
  std::optional<Result<std::size_t>> read;
  pair.client->read_some(Block::allocate(16), 0, 16, [&](Result<std::size_t> n) { read = n; });
  world->machine("b").crash();
  EXPECT_TRUE(world->run_until([&] { return read.has_value(); }, 1s));
  EXPECT_TRUE(!*read || **read == 0);
  world->machine("b").env().network.listen({"b", 9092}).value();
}

TEST(World, the_same_seed_gives_the_same_trace) {
  const auto trace = [](std::uint64_t seed) {
    auto world = World::create(seed);
    Pair pair = connect(*world);
    env::FilePtr file;
    world->machine("b").env().disk.open("f", {.create = true}, [&](auto f) { file = f.value(); });
    world->run_for(1ms);
    for (std::uint64_t i = 0; i < 50; ++i) {
      file->write(i * 100, one("abc"), i % 3 == 0 ? env::Sync::data : env::Sync::none, [&](Status) {
        pair.server->write(one("done"), [](Status) {});
        file->size([](Result<std::uint64_t>) {});
      });
      world->run_for(2ms);
    }
    world->machine("b").crash();
    world->run_for(1s);
    return world->trace_hash();
  };
  EXPECT_EQ(trace(42), trace(42));
  EXPECT_NE(trace(42), trace(43));
}

}  // namespace
}  // namespace chronik::sim
