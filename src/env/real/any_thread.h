// The clock, chance and blocking work for code that any thread may call: what belongs to no loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace chronik::env {

UnixMillis wall_clock_now();
Instant monotonic_clock_now();
/// Fills them from the kernel.
void random_words(std::span<std::uint64_t> words);
/// One of them; the kernel is asked for runs.
std::uint64_t random_word();
/// Of this process.
std::int64_t process_id();
/// Before anything runs: what a file of settings begins with, at most so many bytes of it.
Result<std::string> read_now(const std::string& path, std::size_t bytes_max);

/// Runs jobs that may block, each on a thread of a pool.
class Workers {
 public:
  Workers();
  /// Waits for jobs for a moment; a stuck one keeps its thread.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  void run(std::move_only_function<void()> job);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace chronik::env
