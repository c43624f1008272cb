// `raw sync`, `raw shared`, `raw per-file`: what the disk gives without any broker. The denominators of P2, P3 and P4.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "apps/bench/clock.h"
#include "apps/bench/commands.h"
#include "apps/bench/histogram.h"
#include "apps/bench/raw_file.h"
#include "apps/bench/report.h"

namespace chronik::bench {
namespace {

const char* name_of(SyncMethod method) {
  switch (method) {
    case SyncMethod::fdatasync:
      return "fdatasync";
    case SyncMethod::direct:
      return "direct";
    case SyncMethod::dsync:
      return "dsync";
  }
  return "?";
}

std::string scratch_name(const std::string& dir, int number) {
  return fmt::format("{}/chronik-bench-{}-{}.tmp", dir, ::getpid(), number);
}

struct LoopResult {
  Snapshot latency;
  double seconds = 0;
};

/// One file, one durable write after the other.
Result<LoopResult> durable_loop(const RawOptions& options, std::size_t bytes_per_write) {
  const auto capacity = std::max(static_cast<std::size_t>(options.file_mb) << 20, bytes_per_write * 4);
  TRY(auto file, ScratchFile::create(scratch_name(options.dir, 0), capacity, bytes_per_write, options.method));
  Histogram latency;
  const auto start = now_ns();
  const auto end = start + static_cast<std::int64_t>(options.seconds * 1e9);
  auto now = start;
  while (now < end) {
    TRY_STATUS(file.write_durably());
    const auto after = now_ns();
    latency.record(after - now);
    now = after;
  }
  return LoopResult{latency.snapshot(), static_cast<double>(now - start) / 1e9};
}

/// The per-file rounds: each thread serves its share of the files, all threads start each round together.
class PerFileRounds {
 public:
  explicit PerFileRounds(const RawOptions& options)
      : options_(options), start_round_(options.threads, [this]() noexcept { open_round(); }) {}

  Status prepare() {
    constexpr std::size_t kWrites = 64;  // before a file wraps around
    const auto bytes = options_.append ? 0 : std::max(options_.size * kWrites, kBlockBytes);
    for (int i = 0; i < options_.files; ++i) {
      TRY(auto file, ScratchFile::create(scratch_name(options_.dir, i), bytes, options_.size, options_.method));
      files_.push_back(std::move(file));
    }
    return {};
  }

  Result<LoopResult> run() {
    const auto start = now_ns();
    end_ns_ = start + static_cast<std::int64_t>(options_.seconds * 1e9);
    std::vector<std::thread> threads;
    for (int t = 0; t < options_.threads; ++t) threads.emplace_back([this, t] { work(t); });
    for (auto& thread : threads) thread.join();
    if (failed_) return fail(*failed_);
    return LoopResult{sum_, static_cast<double>(round_start_ns_ - start) / 1e9};
  }

 private:
  void open_round() {
    round_start_ns_ = now_ns();
    last_ = round_start_ns_ >= end_ns_ || failed_.has_value();
  }

  void work(int thread) {
    Histogram latency;
    for (;;) {
      start_round_.arrive_and_wait();
      if (last_) break;
      for (int i = thread; i < options_.files; i += options_.threads) {
        auto status = files_[static_cast<std::size_t>(i)].write_durably();
        if (!status) {
          const std::lock_guard lock(mutex_);
          failed_ = status.error();
          break;
        }
        latency.record(now_ns() - round_start_ns_);
      }
    }
    const std::lock_guard lock(mutex_);
    sum_ += latency.snapshot();
  }

  const RawOptions& options_;
  std::vector<ScratchFile> files_;
  std::barrier<std::function<void()>> start_round_;
  std::int64_t end_ns_ = 0;
  std::int64_t round_start_ns_ = 0;  // written while all threads wait at the barrier
  bool last_ = false;                // likewise
  std::mutex mutex_;                 // guards the two below
  std::optional<Error> failed_;
  Snapshot sum_;
};

Status print(const RawOptions& options, const char* command, const LoopResult& loop, std::size_t records_per_write,
             std::size_t bytes_per_record) {
  const auto operations = static_cast<double>(loop.latency.count()) / loop.seconds;
  const auto records = operations * static_cast<double>(records_per_write);
  const Json result = {{"command", command},
                       {"method", name_of(options.method)},
                       {"size", options.size},
                       {"seconds", loop.seconds},
                       {"operations_per_s", operations},
                       {"records_per_s", records},
                       {"mb_per_s", records * static_cast<double>(bytes_per_record) / 1e6},
                       {"latency_us", latency_json(loop.latency)},
                       {"cpu_seconds", cpu_seconds()}};
  return emit(result, Output{options.json, true, {}});
}

}  // namespace

Status run_raw_sync(const RawOptions& options) {
  TRY(const auto loop, durable_loop(options, options.size));
  return print(options, "raw sync", loop, 1, options.size);
}

Status run_raw_shared(const RawOptions& options) {
  const auto records = static_cast<std::size_t>(options.partitions);
  TRY(const auto loop, durable_loop(options, records * options.size));
  return print(options, "raw shared", loop, records, options.size);
}

Status run_raw_per_file(const RawOptions& options) {
  PerFileRounds rounds(options);
  TRY_STATUS(rounds.prepare());
  TRY(const auto loop, rounds.run());
  return print(options, "raw per-file", loop, 1, options.size);
}

}  // namespace chronik::bench
