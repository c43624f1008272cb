// See progress.h.
#include "apps/bench/progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "apps/bench/clock.h"

namespace chronik::bench {

Progress::Progress(std::string verb, std::function<Totals()> probe, bool quiet)
    : verb_(std::move(verb)), probe_(std::move(probe)), quiet_(quiet), thread_([this] { run(); }) {}

void Progress::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Progress::run() {
  const auto start = now_ns();
  auto last_ns = start;
  Totals last;
  for (int tick = 1;; ++tick) {
    std::unique_lock lock(mutex_);
    const auto due =
        std::chrono::steady_clock::time_point(std::chrono::nanoseconds(start + std::int64_t{tick} * 1'000'000'000));
    if (wake_.wait_until(lock, due, [this] { return stopping_; })) return;
    lock.unlock();
    auto totals = probe_();
    const auto now = now_ns();
    const auto interval = totals.latency.since(last.latency);
    Second second;
    second.at_s = static_cast<double>(now - start) / 1e9;
    second.rate = static_cast<double>(totals.records - last.records) * 1e9 / static_cast<double>(now - last_ns);
    second.p99_us = static_cast<double>(interval.quantile(0.99)) / 1e3;
    series_.push_back(second);
    if (!quiet_) {
      fmt::print(stderr, "{:6.1f} s  {:>10.0f} rec/s  {} {}  errors {}  p99 {:.0f} us\n", second.at_s, second.rate,
                 verb_, totals.records, totals.errors, second.p99_us);
    }
    last = std::move(totals);
    last_ns = now;
  }
}

}  // namespace chronik::bench
