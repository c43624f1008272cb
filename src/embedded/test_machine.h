// For tests: the machine with a clock that a test moves.
#pragma once

#include <atomic>
#include <memory>

#include "embedded/machine.h"

namespace chronik::embedded {

class TestMachine final : public checkpoint::Surroundings {
 public:
  checkpoint::Time now() override { return checkpoint::Time(std::chrono::milliseconds(now_ms_.fetch_add(1))); }
  Instant monotonic_now() override { return machine_.monotonic_now(); }
  std::uint64_t entropy() override { return machine_.entropy(); }
  bool wait(checkpoint::Latch& latch, Duration timeout) override { return machine_.wait(latch, timeout); }
  void run(std::move_only_function<void()> job) override { machine_.run(std::move(job)); }

  void advance(Duration span) { now_ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(span).count(); }

 private:
  Machine machine_;
  std::atomic<std::int64_t> now_ms_{1'800'000'000'000};
};

}  // namespace chronik::embedded
