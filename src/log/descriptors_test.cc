// Descriptors are bounded whatever the number of partitions, and a want of them passes: nothing acknowledged is lost,
// nothing fails for good.
#include <gtest/gtest.h>

#include "base/prng.h"
#include "log/test_rig.h"

namespace chronik::log {
namespace {

using Records = std::map<std::int64_t, std::string>;

constexpr std::uint64_t kNoLimit = 1ULL << 40;

// lesson: 1,000 topics x 3 partitions: crash
TEST(Descriptors, are_bounded_whatever_the_number_of_partitions) {
  constexpr std::int32_t kPartitions = 200;
  constexpr std::uint64_t kOthers = 12;  // the write-ahead log's
  LogRig rig(1);
  rig.files_max = 20;
  rig.flush_parallel = 4;
  rig.machine.disk_faults().max_open_files = 20 + kOthers + 4 * 6;
  for (std::size_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(rig.open(kPartitions));
    EXPECT_LE(rig.machine.open_files(), 20 + kOthers);
    for (std::int32_t i = 0; i < kPartitions; ++i) ASSERT_TRUE(rig.produce(i, {std::to_string(i)}));
    const Status flushed = rig.run(rig.log->flush_all(rig.in(60s)));
    ASSERT_TRUE(flushed) << flushed.error().message();
    EXPECT_LE(rig.machine.open_files(), 20 + kOthers);
    EXPECT_LE(rig.log->cache().files(), 20U);
    for (std::int32_t i = 0; i < kPartitions; ++i) {
      const auto records = rig.read_all(i);
      ASSERT_TRUE(records) << records.error().message();
      ASSERT_EQ(records->size(), round);
    }
    EXPECT_LE(rig.machine.open_files(), 20 + kOthers);
    rig.crash();
  }
}

TEST(Descriptors, a_flush_that_wants_for_them_is_made_up_for) {
  LogRig rig(2);
  ASSERT_TRUE(rig.open(5));
  for (std::uint64_t more = 0; more < 12; ++more) {
    for (std::int32_t i = 0; i < 5; ++i) ASSERT_TRUE(rig.produce(i, {"a", "b"}));
    rig.machine.disk_faults().max_open_files = rig.machine.open_files() + more;
    (void)rig.run(rig.log->flush_all(rig.in(60s)));
    EXPECT_FALSE(rig.log->failure());
    for (std::int32_t i = 0; i < 5; ++i) ASSERT_TRUE(rig.produce(i, {"c"}));  // what is in memory needs none
    rig.machine.disk_faults().max_open_files = kNoLimit;
    const Status flushed = rig.run(rig.log->flush_all(rig.in(60s)));
    ASSERT_TRUE(flushed) << more << ": " << flushed.error().message();
    for (std::int32_t i = 0; i < 5; ++i) ASSERT_EQ(rig.read_all(i)->size(), 3 * (more + 1));
  }
  rig.crash();
  ASSERT_TRUE(rig.open(5));
  for (std::int32_t i = 0; i < 5; ++i) ASSERT_EQ(rig.read_all(i)->size(), 36U);
}

/// Whatever the log still holds is as acknowledged, and nothing above its start is missing.
void expect_acked(LogRig& rig, std::int32_t partition, const Records& acked, std::uint64_t seed) {
  const auto found = rig.read_all(partition);
  ASSERT_TRUE(found) << "seed " << seed << ": " << found.error().message();
  const auto start = rig.partition(partition)->log_start().value();
  for (const auto& [offset, value] : acked) {
    if (offset < start) continue;
    ASSERT_TRUE(found->contains(offset)) << "seed " << seed << " lost offset " << offset << " of " << partition;
    ASSERT_EQ(found->at(offset), value) << "seed " << seed;
  }
}

void produce_some(LogRig& rig, Prng& prng, std::vector<Records>& acked) {
  for (std::uint64_t i = 10 + prng.below(40); i > 0; --i) {
    const auto at = static_cast<std::int32_t>(prng.below(acked.size()));
    const std::string value(1 + prng.below(8000), static_cast<char>('a' + prng.below(26)));
    if (!rig.run(rig.log->wal().room(value.size() + 100, rig.in(5s)))) continue;
    const auto result = rig.produce(at, {value});
    if (result) acked[static_cast<std::size_t>(at)][result->base.value()] = value;
  }
}

// Appends, syncs, rolls, checkpoints, retention, deletion and new write-ahead log files, each refused at any point.
TEST(Descriptors, a_want_of_them_at_any_point_loses_nothing_and_is_left_again) {
  constexpr std::int32_t kPartitions = 6;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    LogRig rig(seed);
    rig.files_max = 6;
    rig.flush_parallel = 3;
    Prng prng(seed);
    LogConfig config;
    config.segments.segment_bytes = 16'000;
    config.retention_ms = -1;
    config.retention_bytes = 60'000;
    std::vector<Records> acked(kPartitions);
    for (int round = 0; round < 3; ++round) {
      const Status opened = rig.open(static_cast<std::int32_t>(acked.size()), config);
      ASSERT_TRUE(opened) << "seed " << seed << ": " << opened.error().message();
      for (int turn = 0; turn < 6; ++turn) {
        rig.machine.disk_faults().max_open_files = rig.machine.open_files() + prng.below(9);
        produce_some(rig, prng, acked);
        auto flush = rig.start(rig.log->flush_all(rig.in(60s)));
        if (prng.chance(1, 2)) rig.log->request_retention();
        rig.world->run_for(std::chrono::milliseconds(prng.below(3000)));
        if (turn == 3) {
          acked.pop_back();
          rig.log->remove(test_partition(static_cast<std::int32_t>(acked.size())));
        }
        if (prng.chance(1, 2)) rig.machine.disk_faults().max_open_files = kNoLimit;
        rig.world->run_for(std::chrono::milliseconds(prng.below(3000)));
        ASSERT_FALSE(rig.log->failure()) << "seed " << seed << ": " << rig.log->failure()->message();
      }
      rig.machine.disk_faults().max_open_files = kNoLimit;
      if (prng.chance(1, 2)) {
        rig.world->run_for(5s);
        ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(60s)))) << "seed " << seed;
        rig.log->check_invariants();
        for (std::size_t i = 0; i < acked.size(); ++i) {
          expect_acked(rig, static_cast<std::int32_t>(i), acked[i], seed);
        }
      }
      rig.crash();
    }
    const Status opened = rig.open(static_cast<std::int32_t>(acked.size()), config);
    ASSERT_TRUE(opened) << "seed " << seed << ": " << opened.error().message();
    for (std::size_t i = 0; i < acked.size(); ++i) expect_acked(rig, static_cast<std::int32_t>(i), acked[i], seed);
  }
}

}  // namespace
}  // namespace chronik::log
