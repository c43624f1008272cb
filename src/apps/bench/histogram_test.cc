// Histogram: the promised error bound, quantiles against a sorted list, sums and differences.
#include "apps/bench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/prng.h"

namespace chronik::bench {
namespace {

TEST(Histogram, buckets_are_contiguous_and_hold_their_bounds) {
  for (std::size_t bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
    const auto bound = Histogram::upper_bound(bucket);
    ASSERT_EQ(Histogram::bucket_of(bound), bucket);
    ASSERT_EQ(Histogram::bucket_of(bound + 1), bucket + 1);
  }
}

TEST(Histogram, a_value_is_reported_at_most_one_percent_too_large) {
  Prng prng(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = static_cast<std::int64_t>(prng.next() >> (24 + prng.below(40)));
    const auto bound = Histogram::upper_bound(Histogram::bucket_of(value));
    ASSERT_GE(bound, value);
    ASSERT_LE(static_cast<double>(bound - value), 0.008 * static_cast<double>(value));
  }
}

TEST(Histogram, quantiles_agree_with_a_sorted_list) {
  Prng prng(11);
  Histogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 50'000; ++i) {
    values.push_back(static_cast<std::int64_t>(prng.below(10'000'000)));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count(), values.size());
  EXPECT_EQ(snapshot.max(), values.back());
  for (double q : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max(1.0, std::ceil(q * static_cast<double>(values.size())));
    const auto exact = values[static_cast<std::size_t>(rank) - 1];
    EXPECT_GE(snapshot.quantile(q), exact) << q;
    EXPECT_LE(snapshot.quantile(q), exact + exact / 100 + 1) << q;
  }
}

TEST(Histogram, empty_negative_and_huge_values_are_safe) {
  Histogram histogram;
  EXPECT_EQ(histogram.snapshot().quantile(0.99), 0);
  histogram.record(-5);
  histogram.record(INT64_MAX);
  EXPECT_EQ(histogram.snapshot().count(), 2U);
  EXPECT_EQ(histogram.snapshot().quantile(0.5), 0);
  EXPECT_EQ(histogram.snapshot().max(), INT64_MAX);
}

TEST(Snapshot, since_gives_the_interval_and_plus_gives_the_sum) {
  Histogram histogram;
  histogram.record(1'000'000);
  const auto before = histogram.snapshot();
  for (int i = 0; i < 10; ++i) histogram.record(100);
  const auto interval = histogram.snapshot().since(before);
  EXPECT_EQ(interval.count(), 10U);
  EXPECT_EQ(interval.quantile(0.99), 100);
  auto sum = before;
  sum += interval;
  EXPECT_EQ(sum.count(), 11U);
}

}  // namespace
}  // namespace chronik::bench
