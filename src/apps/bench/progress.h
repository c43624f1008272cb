// One line a second on standard error while a run lasts, and the series of those seconds for the report.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/bench/histogram.h"

namespace chronik::bench {

/// Running totals of a run.
struct Totals {
  std::uint64_t records = 0;
  std::uint64_t errors = 0;
  Snapshot latency;
};

struct Second {
  double at_s = 0;  // since the start of the run
  double rate = 0;  // records/s in this interval
  double p99_us = 0;
};

class Progress {
 public:
  /// `probe` is called from a thread of its own, once a second, until stop().
  Progress(std::string verb, std::function<Totals()> probe, bool quiet);
  ~Progress() { stop(); }

  void stop();
  /// After stop() only.
  const std::vector<Second>& series() const { return series_; }

 private:
  void run();

  const std::string verb_;
  const std::function<Totals()> probe_;
  const bool quiet_;
  std::vector<Second> series_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace chronik::bench
