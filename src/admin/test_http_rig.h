// For tests: the admin face with a checkpoint store in memory, on one machine of the simulated world, and a client that
// sends bytes. Jobs that may block run between the events of the world.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/admin.h"
#include "admin/checkpoints/api.h"
#include "checkpoint/memory_backend.h"
#include "sim/sim_env.h"
#include "task/io.h"

namespace chronik::admin {

class RigSurroundings final : public cp::Surroundings {
 public:
  RigSurroundings(sim::World& world, env::Env& env) : world_(world), env_(env) {}
  cp::Time now() override { return cp::Time(std::chrono::milliseconds(env_.loop.wall_now().value())); }
  Instant monotonic_now() override { return world_.now(); }
  std::uint64_t entropy() override { return env_.entropy.next(); }
  bool wait(cp::Latch& latch, Duration timeout) override {
    const Instant end = world_.now() + timeout;
    while (!latch.is_set() && world_.now() < end && world_.step()) {
    }
    return latch.is_set();
  }
  void run(std::move_only_function<void()> job) override { jobs_.push_back(std::move(job)); }

  /// One event, or one job. False: nothing is left to happen.
  bool step() {
    if (held || jobs_.empty()) return world_.step();
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    job();
    return true;
  }
  bool held = false;  // no thread gets to a job
  std::size_t jobs() const { return jobs_.size(); }

 private:
  sim::World& world_;
  env::Env& env_;
  std::deque<std::move_only_function<void()>> jobs_;
};

class HttpRig final : public Source {
 public:
  HttpRig()
      : world(sim::World::create(1)),
        context(world->machine("server").env()),
        client(world->machine("client").env()),
        surroundings(std::make_shared<RigSurroundings>(*world, context.env())),
        core(std::make_shared<cp::Core>(surroundings, cp::Options(), cp::make_memory_backend({}))),
        api(context, surroundings, [this] { return cp::Result<std::shared_ptr<cp::Core>>(core); }),
        server(context, *this, &api) {
    CHECK(server.start({"server", 80}));
  }
  ~HttpRig() override {
    client.stop();
    context.stop();
  }
  HttpRig(const HttpRig&) = delete;
  HttpRig& operator=(const HttpRig&) = delete;

  task::Task<Health> health(Deadline) override { co_return Health{true, {}}; }
  task::Task<std::vector<ShardReport>> report(Deadline) override { co_return std::vector<ShardReport>(); }

  struct Exchange {
    std::string answer;
    bool ended = false;  // the server closed, or the client gave up
    env::StreamPtr stream;
  };
  using ExchangePtr = std::shared_ptr<Exchange>;

  /// Sends the pieces, a millisecond apart, and reads until the server closes or the deadline.
  ExchangePtr send(std::vector<std::string> pieces, Duration patience = 200s) {
    auto exchange = std::make_shared<Exchange>();
    client.spawn("test.client", talk(client, std::move(pieces), exchange, patience));
    return exchange;
  }
  template <class Condition>
  bool run_until(Condition condition, Duration limit = 600s) {
    const Instant end = world->now() + limit;
    while (!condition()) {
      if (world->now() > end || !surroundings->step()) return condition();
    }
    return true;
  }
  void pass(Duration span) {
    const Instant end = world->now() + span;
    client.spawn("test.pass", task::sleep_until(client, "test.pass", client.after(span)));
    run_until([&] { return world->now() >= end; });
  }
  /// One request on a connection of its own.
  std::string ask(std::string request) {
    const auto exchange = send({std::move(request)});
    run_until([&] { return exchange->ended; });
    return exchange->answer;
  }

  std::unique_ptr<sim::World> world;
  task::Context context;
  task::Context client;
  std::shared_ptr<RigSurroundings> surroundings;
  std::shared_ptr<cp::Core> core;
  CheckpointApi api;
  AdminServer server;

 private:
  static task::Task<void> write_all(task::Context& context, std::vector<std::string> pieces, ExchangePtr exchange,
                                    Deadline until) {
    for (const std::string& piece : pieces) {
      if (piece.empty()) continue;
      std::vector<Buffer> buffers;
      buffers.push_back(Buffer::copy_of(as_bytes(piece)));
      if (!co_await task::write(context, exchange->stream, std::move(buffers), until)) co_return;
      co_await task::sleep_until(context, "test.pause", context.after(1ms));
    }
  }
  static task::Task<void> talk(task::Context& context, std::vector<std::string> pieces, ExchangePtr exchange,
                               Duration patience) {
    const Deadline until = context.after(patience);
    auto stream = co_await task::connect(context, {"server", 80}, until);
    if (stream) {
      exchange->stream = *stream;
      context.spawn("test.writer", write_all(context, std::move(pieces), exchange, until));
      const auto block = Block::allocate(64U << 10);
      for (;;) {
        const auto got = co_await task::read_some(context, *stream, block, 0, 64U << 10, until);
        if (!got || *got == 0) break;
        exchange->answer.append(reinterpret_cast<const char*>(block->data()), *got);
      }
      (*stream)->close();
    }
    exchange->ended = true;
  }
};

}  // namespace chronik::admin
