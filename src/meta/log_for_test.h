// What the tests of the metadata log share: random commands, a state machine, a simulated machine with a log on it that
// can be killed and opened again, and a disk that counts syncs.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "meta/local_log.h"
#include "meta/state.h"
#include "meta/wrapped_disk_for_test.h"
#include "sim/sim_env.h"

namespace chronik::meta {

inline TopicId id_of(std::uint64_t n) {
  TopicId id;
  id.bytes[0] = 1;
  store_be(reinterpret_cast<std::byte*>(id.bytes.data() + 8), n);
  return id;
}

inline CreateTopics create_one(const std::string& name, std::uint64_t id, std::int32_t partitions = 1) {
  return {UnixMillis(1), {{name, id_of(id), partitions, {}}}};
}

/// Commands that mostly mean something to the topics named t0..t39 with ids 1..60.
class RandomCommands {
 public:
  explicit RandomCommands(std::uint64_t seed) : prng_(seed) {}

  Command next() {
    switch (prng_.below(10)) {
      case 0:
      case 1:
      case 2:
        return create();
      case 3:
        return DeleteTopics{ids()};
      case 4:
        return grow();
      case 5:
        return AlterTopicConfigs{{{id(), prng_.chance(1, 3), changes()}}};
      case 6:
        return AlterBrokerConfigs{BrokerId(static_cast<std::int32_t>(prng_.below(3)) - 1), prng_.chance(1, 3),
                                  changes()};
      case 7:
        return AllocateProducerIds{static_cast<std::int32_t>(prng_.below(2000))};
      case 8:
        return ForgetTombstones{ids()};
      default:
        if (prng_.chance(1, 2)) return InitializeCluster{"cluster-" + std::to_string(prng_.below(3)), wal::LogId(7)};
        return AllocateGeneration{};
    }
  }
  Prng& prng() { return prng_; }

 private:
  TopicId id() { return id_of(1 + prng_.below(60)); }
  std::vector<TopicId> ids() {
    std::vector<TopicId> all(prng_.below(4));
    for (TopicId& one : all) one = id();
    return all;
  }
  std::vector<ConfigChange> changes() {
    std::vector<ConfigChange> all(prng_.below(4));
    for (ConfigChange& one : all) {
      one = {"key" + std::to_string(prng_.below(5)), static_cast<ConfigOperation>(prng_.below(4)),
             std::string(prng_.below(20), 'v') + "," + std::to_string(prng_.below(4))};
    }
    return all;
  }
  CreateTopics create() {
    CreateTopics command{UnixMillis(static_cast<std::int64_t>(prng_.next() >> 20)), {}};
    for (std::uint64_t n = prng_.below(4); n > 0; --n) {
      NewTopic topic{"t" + std::to_string(prng_.below(40)), id(), static_cast<std::int32_t>(prng_.below(8)), {}};
      if (prng_.chance(1, 4)) topic.name += prng_.chance(1, 2) ? ".x" : "_x";
      if (prng_.chance(1, 3)) topic.configs["retention.ms"] = std::to_string(prng_.below(1000));
      command.topics.push_back(std::move(topic));
    }
    return command;
  }
  CreatePartitions grow() {
    CreatePartitions command;
    for (std::uint64_t n = prng_.below(3); n > 0; --n) {
      command.topics.push_back({id(), static_cast<std::int32_t>(prng_.below(20))});
    }
    return command;
  }

  Prng prng_;
};

/// MetadataState behind the log's interface; remembers what was applied.
class TestMachine final : public StateMachine {
 public:
  Outcome apply(Index index, const Command& command) override {
    applied.emplace_back(index, command);
    return state.apply(index, command);
  }
  void batch_applied() override { ++batches; }
  Buffer snapshot() const override { return state.encode(); }
  Status restore(ByteSpan bytes) override {
    TRY(state, MetadataState::decode(bytes));
    return {};
  }

  MetadataState state;
  std::vector<std::pair<Index, Command>> applied;  // since the last restore
  int batches = 0;
};

/// One process with a log on one simulated machine.
class LogRig {
 public:
  explicit LogRig(std::uint64_t seed, LocalLogOptions options = {})
      : world(sim::World::create(seed)), machine(world->machine("node")), options_(options) {}
  ~LogRig() {
    if (state) EXPECT_TRUE(check_invariants(state->state));
    end();
  }
  LogRig(const LogRig&) = delete;
  LogRig& operator=(const LogRig&) = delete;

  /// Runs a task to its end; fails the test if that takes more than `limit` of simulated time.
  template <class T>
  std::optional<T> run(task::Task<T> body, Duration limit = 120s) {
    std::optional<T> result;
    context->spawn("test", keep(std::move(body), result));
    EXPECT_TRUE(world->run_until([&] { return result.has_value(); }, limit));
    return result;
  }

  Status open() {
    if (!context) {
      wrapped = std::make_unique<WrappedEnv>(machine.env());
      context = std::make_unique<task::Context>(wrapped->env);
    }
    state = std::make_shared<TestMachine>();
    auto opened = run(LocalLog::open(*context, "meta", state, options_));
    if (!opened) return fail(Errc::timed_out, "open");
    if (!*opened) return fail(opened->error());
    log = std::move(**opened);
    return {};
  }
  Result<Outcome> propose(Command command, Duration limit = 30s) {
    return run(log->propose(std::move(command), context->after(limit))).value_or(fail(Errc::timed_out, "rig"));
  }
  /// Starts without waiting; the result lands in the slot.
  void start(Command command, std::optional<Result<Outcome>>& slot, Duration limit = 30s) {
    context->spawn("test", keep(log->propose(std::move(command), context->after(limit)), slot));
  }
  /// A kill: unsynced writes are lost by chance.
  void crash() {
    machine.crash();
    end();
  }
  void end() {
    if (context) context->stop();
    log.reset();
    context.reset();
    wrapped.reset();
  }
  /// An orderly end: nothing in flight, nothing lost.
  void restart() {
    world->run_for(1s);
    end();
  }

  std::unique_ptr<sim::World> world;
  sim::Machine& machine;
  std::unique_ptr<WrappedEnv> wrapped;
  std::unique_ptr<task::Context> context;
  std::shared_ptr<TestMachine> state;
  std::unique_ptr<LocalLog> log;

 private:
  template <class T>
  static task::Task<void> keep(task::Task<T> body, std::optional<T>& into) {
    into.emplace(co_await std::move(body));
  }
  LocalLogOptions options_;
};

}  // namespace chronik::meta
