// Properties of a partition over the simulated disk: what was acknowledged is there, once, at its offset, whatever
// happens.
#include <gtest/gtest.h>

#include "base/prng.h"
#include "log/rejection.h"
#include "log/test_rig.h"

namespace chronik::log {
namespace {

constexpr ProducerId kProducer{42};

TEST(Partition, acked_records_are_readable_from_tail_and_from_files) {
  LogRig rig(1);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.produce(0, {"a", "b"}));
  ASSERT_TRUE(rig.produce(0, {"c"}));
  const std::map<std::int64_t, std::string> expected{{0, "a"}, {1, "b"}, {2, "c"}};
  EXPECT_EQ(rig.read_all(0).value(), expected);
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  EXPECT_EQ(rig.partition(0)->tail_bytes(), 0U);
  EXPECT_EQ(rig.read_all(0).value(), expected);
  ASSERT_TRUE(rig.produce(0, {"d"}));
  EXPECT_EQ(rig.read_all(0).value().size(), 4U);
}

TEST(Partition, nothing_is_visible_before_it_is_durable) {
  LogRig rig(2);
  ASSERT_TRUE(rig.open(1));
  auto appended = rig.partition(0)->append_internal(make_batch({"x"}).span());
  ASSERT_TRUE(appended);
  EXPECT_EQ(rig.partition(0)->log_end(), LogEndOffset(1));
  EXPECT_EQ(rig.partition(0)->high_watermark(), HighWatermark(0));
  EXPECT_EQ(rig.run(rig.partition(0)->read(Offset(0), 100, rig.in(1s))).value().bytes, 0U);
  ASSERT_TRUE(rig.run(rig.log->wal().committed(appended->commit, rig.in(5s))));
  EXPECT_EQ(rig.partition(0)->high_watermark(), HighWatermark(1));
}

// lesson: Idempotent producers broke at broker restart
TEST(Partition, a_retry_after_restart_gets_its_original_offset) {
  LogRig rig(3);
  ASSERT_TRUE(rig.open(1));
  for (const bool flush : {false, true}) {
    const std::int32_t sequence = flush ? 2 : 0;
    const auto first = rig.produce(0, {"a", "b"}, kProducer, sequence);
    ASSERT_TRUE(first);
    if (flush) ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
    rig.crash();
    ASSERT_TRUE(rig.open(1));
    const auto again = rig.produce(0, {"a", "b"}, kProducer, sequence);
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(again->base, first->base);
  }
  EXPECT_EQ(rig.read_all(0).value().size(), 4U);
  const auto gap = rig.produce(0, {"z"}, kProducer, 9);
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code, ErrorCode::out_of_order_sequence_number);
}

TEST(Partition, a_retry_while_the_first_attempt_is_on_its_way_waits_for_the_same_group) {
  LogRig rig(4);
  ASSERT_TRUE(rig.open(1));
  const Buffer batch = make_batch({"a"}, kProducer, 0);
  auto first = rig.partition(0)->append_internal(batch.span());
  auto second = rig.partition(0)->append_internal(batch.span());
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->base, second->base);
  EXPECT_EQ(first->commit, second->commit);
  ASSERT_NE(second->commit, nullptr);
}

TEST(Partition, delete_records_is_durable_before_it_returns) {
  LogRig rig(5);
  ASSERT_TRUE(rig.open(1));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(rig.produce(0, {std::to_string(i)}));
  EXPECT_EQ(rig.run(rig.partition(0)->delete_records(Offset(7), rig.in(5s))).value(), LogStartOffset(7));
  rig.crash();
  ASSERT_TRUE(rig.open(1));
  EXPECT_EQ(rig.partition(0)->log_start(), LogStartOffset(7));
  EXPECT_EQ(rig.read_all(0).value().begin()->first, 7);
  EXPECT_EQ(rig.run(rig.partition(0)->read(Offset(6), 100, rig.in(1s))).error().code, Errc::out_of_range);
  EXPECT_FALSE(rig.run(rig.partition(0)->delete_records(Offset(99), rig.in(5s))));
}

TEST(Partition, timestamps_are_found_across_files_and_tail) {
  LogRig rig(6);
  ASSERT_TRUE(rig.open(1));
  const auto now = rig.context->wall_now().value();
  for (int i = 0; i < 20; ++i) {
    auto appended = rig.partition(0)->append_internal(
        make_batch({std::to_string(i)}, wire::kNoProducerId, wire::kNoSequence, now + i * 10).span());
    ASSERT_TRUE(appended) << appended.error().detail;
    ASSERT_TRUE(rig.run(rig.log->wal().committed(appended->commit, rig.in(5s))));
    if (i == 9) ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  }
  for (int i = 0; i < 20; ++i) {
    const auto found = rig.run(rig.partition(0)->find_timestamp(UnixMillis(now + i * 10 - 5), rig.in(5s)));
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->offset, Offset(i));
  }
  EXPECT_EQ(rig.run(rig.partition(0)->max_timestamp(rig.in(5s))).value()->offset, Offset(19));
  EXPECT_FALSE(rig.run(rig.partition(0)->find_timestamp(UnixMillis(now + 1000), rig.in(5s))).value());
}

// lesson: Retention setting ignored, 44 GB of orphan log
// DeleteRecords may leave the log start in the middle of a segment, or of a batch.
TEST(Partition, a_search_goes_on_behind_records_that_were_deleted) {
  for (const bool flush : {false, true}) {
    LogRig rig(6);
    ASSERT_TRUE(rig.open(1));
    const std::int64_t now = rig.context->wall_now().value();
    for (int i = 0; i < 5; ++i) {
      auto batch = make_batch({"a", "b", "c"}, wire::kNoProducerId, wire::kNoSequence, now + i);
      auto appended = rig.partition(0)->append_internal(batch.span());
      ASSERT_TRUE(appended);
      ASSERT_TRUE(rig.run(rig.log->wal().committed(appended->commit, rig.in(30s))));
    }
    if (flush) ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
    for (std::int64_t start = 1; start < 15; ++start) {
      ASSERT_TRUE(rig.run(rig.partition(0)->delete_records(Offset(start), rig.in(5s))));
      for (int i = 0; i < 5; ++i) {
        const auto found = rig.run(rig.partition(0)->find_timestamp(UnixMillis(now + i), rig.in(5s)));
        ASSERT_TRUE(found && *found);
        EXPECT_EQ((*found)->offset.value(), std::max<std::int64_t>(start, i * 3)) << flush << i;
      }
    }
  }
}

// A search looks through the files, then through the tail; what the flusher moves in between is in both or in neither.
TEST(Partition, a_search_misses_nothing_that_is_flushed_meanwhile) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    LogRig rig(seed);
    ASSERT_TRUE(rig.open(1));
    const std::int64_t now = rig.context->wall_now().value();
    const auto append = [&](int i) {
      auto batch = make_batch({"v" + std::to_string(i)}, wire::kNoProducerId, wire::kNoSequence, now + i);
      auto appended = rig.partition(0)->append_internal(batch.span());
      ASSERT_TRUE(appended);
      ASSERT_TRUE(rig.run(rig.log->wal().committed(appended->commit, rig.in(30s))));
    };
    append(0);
    ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
    for (int i = 1; i < 4; ++i) append(i);
    auto flush = rig.start(rig.log->flush_all(rig.in(30s)));
    while (!flush->has_value()) {
      rig.world->run_for(Duration(50us) * static_cast<std::int64_t>(1 + seed % 7));
      auto first = rig.start(rig.partition(0)->find_timestamp(UnixMillis(now + 1), rig.in(30s)));
      auto newest = rig.start(rig.partition(0)->max_timestamp(rig.in(30s)));
      const auto both = [&] { return first->has_value() && newest->has_value(); };
      ASSERT_TRUE(rig.world->run_until(both, 30s));
      ASSERT_TRUE(**first && ***first) << seed;
      EXPECT_EQ((***first)->offset.value(), 1) << seed;
      ASSERT_TRUE(**newest && ***newest) << seed;
      EXPECT_EQ((***newest)->offset.value(), 3) << seed;
    }
  }
}

TEST(Partition, retention_by_size_returns_bytes_and_survives_restart) {
  LogRig rig(7);
  LogConfig config;
  config.retention_bytes = 20'000;
  config.retention_ms = -1;
  config.segments.segment_bytes = 8'000;
  ASSERT_TRUE(rig.open(1, config));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(rig.produce(0, {std::string(1000, 'x')}));
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  EXPECT_GT(rig.partition(0)->bytes_on_disk(), 90'000U);
  rig.log->request_retention();
  ASSERT_TRUE(rig.world->run_until([&] { return rig.partition(0)->bytes_on_disk() < 30'000; }, 60s));
  const auto start = rig.partition(0)->log_start();
  EXPECT_GT(start.value(), 50);
  EXPECT_EQ(rig.read_all(0).value().begin()->first, start.value());
  rig.crash();
  ASSERT_TRUE(rig.open(1, config));
  EXPECT_EQ(rig.partition(0)->log_start(), start);
  EXPECT_EQ(rig.read_all(0).value().size(), static_cast<std::size_t>(100 - start.value()));
}

// lesson: Acknowledged batches were not on disk; Recovery ran out of memory; High watermark went backwards
TEST(Partition, acked_records_survive_kill_at_any_point) {
  for (std::uint64_t seed = 100; seed < 300; ++seed) {
    LogRig rig(seed);
    Prng prng(seed);
    LogConfig config;
    config.segments.segment_bytes = 20'000;
    config.retention_ms = -1;
    constexpr std::int32_t kPartitions = 3;
    std::vector<std::map<std::int64_t, std::string>> acked(kPartitions);
    for (int round = 0; round < 4; ++round) {
      const Status opened = rig.open(kPartitions, config);
      ASSERT_TRUE(opened) << "seed " << seed << ": " << opened.error().message();
      for (std::int32_t p = 0; p < kPartitions; ++p) {
        const auto found = rig.read_all(p);
        ASSERT_TRUE(found) << "seed " << seed << ": " << found.error().message();
        for (const auto& [offset, value] : acked[static_cast<std::size_t>(p)]) {
          ASSERT_TRUE(found->contains(offset)) << "seed " << seed << " lost offset " << offset << " of " << p;
          ASSERT_EQ(found->at(offset), value) << "seed " << seed;
        }
        acked[static_cast<std::size_t>(p)] = *found;  // what survived unacknowledged is there to stay
      }
      const auto writes = prng.below(60);
      for (std::uint64_t i = 0; i < writes; ++i) {
        const auto p = static_cast<std::int32_t>(prng.below(kPartitions));
        const std::string value = std::to_string(seed * 1000 + i) + std::string(prng.below(3000), 'v');
        const auto result = rig.produce(p, {value});
        ASSERT_TRUE(result) << result.error().detail;
        acked[static_cast<std::size_t>(p)][result->base.value()] = value;
        if (prng.chance(1, 25)) ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(60s))));
      }
      // Leave a flush and some appends half done.
      auto flush = rig.start(rig.log->flush_all(rig.in(60s)));
      for (int i = 0; i < 3; ++i) (void)rig.partition(0)->append_internal(make_batch({"unacked"}).span());
      for (std::uint64_t step = prng.below(80); step > 0; --step) (void)rig.world->step();
      rig.crash();
    }
  }
}

// lesson: Acknowledged means durable; A node froze for 3 hours
TEST(Partition, a_stalled_disk_fails_writers_by_the_deadline_and_stays_failed) {
  LogRig rig(8);
  rig.wal_options.stall_deadline = 2s;
  ASSERT_TRUE(rig.open(2));
  ASSERT_TRUE(rig.produce(0, {"before"}));
  rig.machine.disk_faults().stalled = true;
  rig.machine.disk_faults_changed();
  const Instant begin = rig.context->now();
  const auto stalled = rig.produce(0, {"during"});
  ASSERT_FALSE(stalled);
  EXPECT_LE(rig.context->now() - begin, 3s);
  EXPECT_EQ(stalled.error().code, ErrorCode::kafka_storage_error);
  rig.machine.disk_faults().stalled = false;
  rig.machine.disk_faults_changed();
  rig.world->run_for(5s);
  EXPECT_FALSE(rig.produce(1, {"after"}));
  EXPECT_TRUE(rig.log->failure());
}

TEST(Partition, a_full_disk_refuses_by_name_and_recovers_by_itself) {
  LogRig rig(9);
  ASSERT_TRUE(rig.open(1));
  rig.machine.disk_faults().capacity = 1'500'000;
  rig.machine.disk_faults_changed();
  std::map<std::int64_t, std::string> acked;
  std::optional<Rejection> refused;
  for (int i = 0; i < 400 && !refused; ++i) {
    const std::string value = std::to_string(i) + std::string(10'000, 'f');
    const Status room = rig.run(rig.log->wal().room(value.size() + 100, rig.in(5s)));
    if (!room) {
      refused = to_rejection(room.error());
      EXPECT_EQ(room.error().code, Errc::disk_full);
      break;
    }
    const auto result = rig.produce(0, {value});
    if (result) {
      acked[result->base.value()] = value;
    } else {
      refused = result.error();
    }
  }
  ASSERT_TRUE(refused);
  EXPECT_FALSE(rig.log->failure());
  EXPECT_EQ(rig.read_all(0).value(), acked);
  rig.machine.disk_faults().capacity = 1ULL << 30;
  rig.machine.disk_faults_changed();
  rig.world->run_for(3s);
  EXPECT_TRUE(rig.run(rig.log->wal().room(10'000, rig.in(30s))));
  EXPECT_TRUE(rig.produce(0, {"again"}));
  EXPECT_EQ(rig.read_all(0).value().size(), acked.size() + 1);
}

TEST(Rejection, no_internal_error_becomes_success) {
  // lesson: Clients saw success for failed writes
  for (const Errc code : kAllErrc) EXPECT_NE(to_kafka(code), ErrorCode::none);
}

}  // namespace
}  // namespace chronik::log
