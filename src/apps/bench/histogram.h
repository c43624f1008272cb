// Latency histogram, log-linear as HDR's: exact below 128 ns, above it 128 equal buckets per power of two, so that a
// reported value is at most 0.8 % above the recorded one. One thread records, any thread may take a Snapshot meanwhile.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace chronik::bench {

/// A plain copy of a histogram's counts: can be added up over threads and subtracted over time.
class Snapshot {
 public:
  Snapshot();

  std::uint64_t count() const;
  /// Upper bound of the bucket in which the value of rank ceil(q * count) lies, 0 when empty; q in [0, 1].
  std::int64_t quantile(double q) const;
  double mean() const;
  std::int64_t max() const { return max_; }

  Snapshot& operator+=(const Snapshot& other);
  /// What was recorded since `earlier`, a snapshot of the same histogram(s). The maximum becomes the bucket's bound.
  Snapshot since(const Snapshot& earlier) const;

 private:
  friend class Histogram;
  std::vector<std::uint64_t> counts_;
  std::int64_t max_ = 0;
};

class Histogram {
 public:
  static constexpr int kSubBits = 7;
  static constexpr int kMaxBits = 41;  // values of 2^41 ns (36 minutes) and more share the last bucket
  static constexpr std::size_t kBuckets = std::size_t{kMaxBits - kSubBits + 1} << kSubBits;

  Histogram();

  /// Owner thread only. Negative values count as 0.
  void record(std::int64_t value_ns);
  Snapshot snapshot() const;

  static std::size_t bucket_of(std::int64_t value_ns);
  /// The largest value that falls into `bucket`.
  static std::int64_t upper_bound(std::size_t bucket);

 private:
  using Counts = std::array<std::atomic<std::uint64_t>, kBuckets>;
  std::unique_ptr<Counts> counts_;
  std::atomic<std::int64_t> max_{0};
};

}  // namespace chronik::bench
