// See histogram.h. Counters have one writer, so that a relaxed load and store (no locked instruction) suffices.
#include "apps/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace chronik::bench {

std::size_t Histogram::bucket_of(std::int64_t value_ns) {
  if (value_ns <= 0) return 0;
  auto value = static_cast<std::uint64_t>(value_ns);
  const int width = 64 - std::countl_zero(value);
  if (width <= kSubBits) return value;
  if (width > kMaxBits) return kBuckets - 1;
  const int shift = width - kSubBits - 1;  // keeps kSubBits + 1 leading bits, the first of which is always 1
  return (static_cast<std::size_t>(shift) << kSubBits) + (value >> shift);
}

std::int64_t Histogram::upper_bound(std::size_t bucket) {
  constexpr std::size_t kHalf = std::size_t{1} << kSubBits;
  if (bucket < 2 * kHalf) return static_cast<std::int64_t>(bucket);
  const std::size_t shift = (bucket >> kSubBits) - 1;
  const std::size_t leading = (bucket & (kHalf - 1)) + kHalf;
  return static_cast<std::int64_t>(((leading + 1) << shift) - 1);
}

Histogram::Histogram() : counts_(std::make_unique<Counts>()) {}

void Histogram::record(std::int64_t value_ns) {
  auto& slot = (*counts_)[bucket_of(value_ns)];
  slot.store(slot.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (value_ns > max_.load(std::memory_order_relaxed)) max_.store(value_ns, std::memory_order_relaxed);
}

Snapshot Histogram::snapshot() const {
  Snapshot copy;
  for (std::size_t i = 0; i < kBuckets; ++i) copy.counts_[i] = (*counts_)[i].load(std::memory_order_relaxed);
  copy.max_ = max_.load(std::memory_order_relaxed);
  return copy;
}

Snapshot::Snapshot() : counts_(Histogram::kBuckets) {}

std::uint64_t Snapshot::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::int64_t Snapshot::quantile(double q) const {
  const auto total = count();
  if (total == 0) return 0;
  const auto wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(total));
  const auto rank = std::clamp(static_cast<std::uint64_t>(wanted), std::uint64_t{1}, total);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(Histogram::upper_bound(i), max_);
  }
  return max_;
}

double Snapshot::mean() const {
  const auto total = count();
  if (total == 0) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    sum += static_cast<double>(counts_[i]) * static_cast<double>(Histogram::upper_bound(i));
  }
  return sum / static_cast<double>(total);
}

Snapshot& Snapshot::operator+=(const Snapshot& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  max_ = std::max(max_, other.max_);
  return *this;
}

Snapshot Snapshot::since(const Snapshot& earlier) const {
  Snapshot difference;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    difference.counts_[i] = counts_[i] - earlier.counts_[i];
    if (difference.counts_[i] > 0) difference.max_ = std::min(Histogram::upper_bound(i), max_);
  }
  return difference;
}

}  // namespace chronik::bench
