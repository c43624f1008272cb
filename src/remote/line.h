// What is created without waiting, on its way to a server: per session one after the other, so that they take effect in
// the order of their calls; in bounded memory.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "checkpoint/room.h"
#include "env/real/any_thread.h"

namespace chronik::remote {

namespace cp = chronik::checkpoint;

/// The machine, to those who wait.
class Machine final : public cp::Surroundings {
 public:
  cp::Time now() override { return cp::Time(std::chrono::milliseconds(env::wall_clock_now().value())); }
  Instant monotonic_now() override { return env::monotonic_clock_now(); }
  std::uint64_t entropy() override { return env::random_word(); }
  bool wait(cp::Latch& latch, Duration timeout) override { return latch.wait_for(timeout); }
  void run(std::move_only_function<void()> job) override { workers_.run(std::move(job)); }

 private:
  env::Workers workers_;
};

class Lines : public std::enable_shared_from_this<Lines> {
 public:
  using Job = std::move_only_function<void()>;
  explicit Lines(std::uint64_t bytes_max) : room_(std::make_shared<cp::Room>(bytes_max)) {}

  /// Waits for room; then the job runs behind those of the same session, each on a thread that may block.
  cp::Status add(const cp::SessionId& session, std::uint64_t bytes, Job job, Duration timeout);
  /// Until nothing is in line; false when `timeout` passed first.
  bool drain(Duration timeout);

 private:
  struct Waiting {
    Job job;
    cp::Room::Token room;
  };
  void work(const cp::SessionId& session);

  Machine machine_;
  const std::shared_ptr<cp::Room> room_;
  std::mutex mutex_;                                    // held for queue operations
  std::map<cp::SessionId, std::deque<Waiting>> lines_;  // of those at work; the first is being done
  std::shared_ptr<cp::Latch> empty_;
};

}  // namespace chronik::remote
