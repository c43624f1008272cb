// For tests: one machine of the simulated world with one write-ahead log on it, and a model of what was promised.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/sim_env.h"
#include "task/context.h"
#include "wal/replay.h"
#include "wal/wal.h"

namespace chronik::wal {

inline constexpr std::size_t kSmallFile = 256 * 1024;

inline Options small_options() {
  Options options;
  options.directory = "wal";
  options.log_id = LogId(77);
  options.generation = Generation(1);
  options.first_file_bytes = kSmallFile;
  options.file_bytes = kSmallFile;
  options.bytes_max = 8 * kSmallFile;
  return options;
}

/// Distinct for each `number`, and of that size.
std::string payload_of(std::uint64_t number, std::size_t bytes);
inline TopicPartition partition_of(std::int32_t index) {
  TopicId topic;
  topic.bytes[0] = 9;
  return {topic, PartitionIndex(index)};
}

struct Told : FrameOwner {
  std::vector<LogEndOffset> durable;
  std::vector<Errc> failed;
  void frames_durable(LogEndOffset end) override { durable.push_back(end); }
  void frames_failed(const Error& error) override { failed.push_back(error.code); }
};

struct Replayed {
  ReplayReport report;
  std::vector<std::pair<FrameInfo, std::string>> frames;
};

class Rig {
 public:
  explicit Rig(std::uint64_t seed) : world(sim::World::create(seed)), machine(world->machine("m")) { restart(); }
  ~Rig() { crash_objects(); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  /// Runs `task` to its end; fails the test if it does not end within `limit`.
  template <class T>
  T run(task::Task<T> task, Duration limit = 60s) {
    auto result = std::make_shared<std::optional<T>>();
    context->spawn("test", store(std::move(task), result));
    EXPECT_TRUE(world->run_until([&] { return result->has_value(); }, limit)) << "did not end in time";
    return std::move(**result);
  }
  /// Starts `task`; the result appears in the pointee.
  template <class T>
  std::shared_ptr<std::optional<T>> start(task::Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    context->spawn("test", store(std::move(task), result));
    return result;
  }

  /// A fresh process, without a log.
  void restart();
  /// Power cut: unsynced writes are lost by chance.
  void crash();
  Status open(const Options& options);
  Result<Replayed> replay(LogId id = LogId(77));

  /// One frame of its own group, committed.
  Status append(std::uint64_t number, std::size_t bytes, std::int32_t partition = 0);
  Result<Reservation> reserve(std::uint64_t number, std::size_t bytes, std::int32_t partition = 0,
                              std::shared_ptr<FrameOwner> owner = nullptr);
  std::vector<std::string> files();
  std::uint64_t size_of(const std::string& name);
  std::string read(const std::string& name);
  double metric(const std::string& name);
  Deadline in(Duration span) { return context->after(span); }
  void faults(const std::function<void(sim::DiskFaults&)>& change) {
    change(machine.disk_faults());
    machine.disk_faults_changed();
  }

  std::unique_ptr<sim::World> world;
  sim::Machine& machine;
  std::unique_ptr<task::Context> context;
  std::unique_ptr<Wal> wal;

 private:
  template <class T>
  static task::Task<void> store(task::Task<T> task, std::shared_ptr<std::optional<T>> into) {
    into->emplace(co_await std::move(task));
  }
  void crash_objects();
};

}  // namespace chronik::wal
