// Counters of one shard: plain integers written by the shard's thread, read only there. A scrape asks each shard for a
// snapshot by a cross-shard call, so the data path carries no atomics.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace chronik::task {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_ += n; }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

/// Powers of two of a unit: bucket i counts values in [2^(i-1), 2^i). Durations in microseconds, sizes in bytes or
/// items.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 36;

  void record(std::uint64_t value) {
    std::size_t bucket = value == 0 ? 0 : 64 - static_cast<std::size_t>(__builtin_clzll(value));
    if (bucket >= kBuckets) bucket = kBuckets - 1;
    ++buckets_[bucket];
    ++count_;
    sum_ += value;
  }
  void record(Duration span) {
    record(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(span).count()));
  }
  const std::array<std::uint64_t, kBuckets>& buckets() const { return buckets_; }
  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }

 private:
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

/// A copied value, safe to hand to another thread.
struct Sample {
  std::string name;
  std::string help;
  Labels labels;
  MetricKind kind = MetricKind::counter;
  double value = 0;
  Histogram histogram;
};

class Metrics {
 public:
  /// Names in Prometheus style, such as chronik_requests_total. The reference stays valid as long as the Metrics.
  Counter& counter(std::string name, std::string help, Labels labels = {});
  Histogram& histogram(std::string name, std::string help, Labels labels = {});
  /// `read` is called at each snapshot and must stay valid as long as the Metrics.
  void gauge(std::string name, std::string help, std::function<double()> read, Labels labels = {});

  std::vector<Sample> snapshot() const;

 private:
  struct Entry {
    std::string name;
    std::string help;
    Labels labels;
    MetricKind kind;
    Counter counter;
    Histogram histogram;
    std::function<double()> read;
  };
  std::deque<Entry> entries_;
};

}  // namespace chronik::task
