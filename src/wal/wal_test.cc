// Group commit: one sync for many, order, who is told what and when.
#include <gtest/gtest.h>

#include <algorithm>

#include "task/io.h"
#include "wal/test_rig.h"

namespace chronik::wal {
namespace {

task::Task<void> append_many(Rig& rig, std::uint64_t first, int count, int& done) {
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(co_await rig.wal->room(100, rig.in(10s)));
    auto place = rig.reserve(first + static_cast<std::uint64_t>(i), 100);
    EXPECT_TRUE(place);
    if (!place) co_return;
    EXPECT_TRUE(co_await rig.wal->committed(place->commit, rig.in(10s)));
  }
  ++done;
}

// lesson: Every one of these passed with 1-10 clients and failed at 64-128
TEST(GroupCommit, many_appenders_share_one_sync) {
  Rig rig(1);
  ASSERT_TRUE(rig.open(small_options()));
  int done = 0;
  for (std::uint64_t a = 0; a < 128; ++a) rig.context->spawn("t", append_many(rig, a * 1000, 10, done));
  ASSERT_TRUE(rig.world->run_until([&] { return done == 128; }, 10s));
  // 1,280 appends; each round of all appenders is one group, but for the stragglers.
  EXPECT_LE(rig.metric("chronik_wal_commits_total"), 25);
  rig.crash();
  EXPECT_EQ(rig.replay()->frames.size(), 1280U);
}

TEST(GroupCommit, a_lone_appender_waits_for_nobody) {
  Rig rig(2);
  ASSERT_TRUE(rig.open(small_options()));
  const Instant begin = rig.world->now();
  for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(rig.append(i, 100));
  EXPECT_EQ(rig.metric("chronik_wal_commits_total"), 20);
  EXPECT_LT(rig.world->now() - begin, 20 * 1200us);  // a write and a sync each, no timer
}

TEST(GroupCommit, linger_gathers_company) {
  Rig rig(2);
  Options options = small_options();
  options.linger = 5ms;
  ASSERT_TRUE(rig.open(options));
  const auto first = rig.reserve(1, 100);
  rig.world->run_for(3ms);
  const auto second = rig.reserve(2, 100);
  EXPECT_EQ(first->group, second->group);
  EXPECT_TRUE(rig.run(rig.wal->committed(second->commit, rig.in(1s))));
  EXPECT_TRUE(first->commit->status && *first->commit->status);
  EXPECT_EQ(rig.metric("chronik_wal_commits_total"), 1);
}

// lesson: Acknowledged batches were not on disk
TEST(GroupCommit, owners_are_told_once_per_group_in_order_and_only_what_is_on_disk) {
  Rig rig(3);
  ASSERT_TRUE(rig.open(small_options()));
  auto a = std::make_shared<Told>();
  auto b = std::make_shared<Told>();
  std::uint64_t number = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 6; ++i) {
      ++number;
      ASSERT_TRUE(rig.reserve(number, 50, i % 2, i % 2 == 0 ? a : b));
    }
    EXPECT_EQ(a->durable.size(), static_cast<std::size_t>(round));
    ASSERT_TRUE(rig.append(++number, 10));
    ASSERT_EQ(a->durable.size(), static_cast<std::size_t>(round) + 1);
    ASSERT_EQ(b->durable.size(), static_cast<std::size_t>(round) + 1);
    EXPECT_EQ(a->durable.back().value(), static_cast<std::int64_t>(number) - 1);  // the fifth of six
    EXPECT_EQ(b->durable.back().value(), static_cast<std::int64_t>(number));
  }
  EXPECT_TRUE(a->failed.empty());
}

TEST(GroupCommit, what_arrives_during_a_sync_forms_the_next_group_in_order) {
  Rig rig(4);
  ASSERT_TRUE(rig.open(small_options()));
  std::vector<CommitPtr> commits;
  std::vector<GroupSequence> groups;
  for (std::uint64_t i = 0; i < 60; ++i) {
    auto place = rig.reserve(i, 100);
    ASSERT_TRUE(place);
    groups.push_back(place->group);
    commits.push_back(place->commit);
    rig.world->run_for(50us);
    rig.wal->check_invariants();
    // Settled commits are a prefix.
    bool open = false;
    for (const auto& commit : commits) {
      if (!commit->status) open = true;
      EXPECT_FALSE(open && commit->status) << "a later group before an earlier one";
    }
  }
  EXPECT_TRUE(std::ranges::is_sorted(groups));
  rig.world->run_for(1s);
  EXPECT_EQ(rig.wal->durable().value(), groups.back().value() + 1);  // and the seal
}

TEST(GroupCommit, a_burst_larger_than_one_arena_takes_several_groups_and_one_sync) {
  Rig rig(5);
  Options options = small_options();
  options.file_bytes = options.first_file_bytes = 8U << 20;
  options.bytes_max = 32U << 20;
  ASSERT_TRUE(rig.open(options));
  std::uint64_t number = 0;
  std::optional<Reservation> last;
  for (; number < 300; ++number) last = rig.reserve(number, 10'000).value();
  EXPECT_GT(last->group.value(), 2U);
  ASSERT_TRUE(rig.run(rig.wal->committed(last->commit, rig.in(1s))));
  EXPECT_EQ(rig.metric("chronik_wal_commits_total"), 1);
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_EQ(replayed->frames.size(), number);
  for (std::uint64_t i = 0; i < number; ++i) ASSERT_TRUE(replayed->frames[i].second == payload_of(i, 10'000));
}

TEST(GroupCommit, the_reserved_bytes_stay_readable_as_the_tail) {
  Rig rig(6);
  ASSERT_TRUE(rig.open(small_options()));
  auto place = rig.reserve(1, 333);
  const Buffer kept = place->payload;
  ASSERT_TRUE(rig.run(rig.wal->committed(place->commit, rig.in(1s))));
  place = fail(Errc::closed);
  rig.restart();  // the log goes
  EXPECT_TRUE(as_text(kept.span()) == payload_of(1, 333));
}

TEST(GroupCommit, a_wait_that_ends_early_leaves_the_group_its_fate) {
  Rig rig(7);
  ASSERT_TRUE(rig.open(small_options()));
  const auto place = rig.reserve(1, 100);
  EXPECT_EQ(rig.run(rig.wal->committed(place->commit, rig.in(10us))).error().code, Errc::timed_out);
  EXPECT_TRUE(rig.run(rig.wal->committed(place->commit, rig.in(1s))));
}

TEST(Modes, interval_and_none_acknowledge_before_the_sync) {
  for (const SyncMode mode : {SyncMode::interval, SyncMode::none}) {
    Rig rig(8);
    Options options = small_options();
    options.sync = mode;
    ASSERT_TRUE(rig.open(options));
    const Instant begin = rig.world->now();
    for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(rig.append(i, 100));
    EXPECT_LT(rig.world->now() - begin, 20 * 150us);
  }
}

TEST(Modes, interval_syncs_every_file_it_wrote_to) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Rig rig(seed);
    Options options = small_options();
    options.sync = SyncMode::interval;
    ASSERT_TRUE(rig.open(options));
    std::uint64_t number = 0;
    while (rig.wal->bytes_complete() < 2 * kSmallFile) {
      ASSERT_TRUE(rig.run(rig.wal->room(20'000, rig.in(10s))));
      ASSERT_TRUE(rig.append(number++, 20'000));
    }
    rig.world->run_for(options.sync_interval + 100ms);
    rig.crash();
    const auto replayed = rig.replay();
    ASSERT_TRUE(replayed) << replayed.error().message();
    EXPECT_EQ(replayed->frames.size(), number);
  }
}

TEST(Modes, a_power_cut_without_syncs_is_never_called_corruption) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rig rig(seed);
    Options options = small_options();
    options.sync = seed % 2 == 0 ? SyncMode::interval : SyncMode::none;
    options.sync_interval = 5ms;
    ASSERT_TRUE(rig.open(options));
    const std::uint64_t count = 5 + rig.world->prng().below(60);
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_TRUE(rig.run(rig.wal->room(9'000, rig.in(10s))));
      ASSERT_TRUE(rig.append(i, 9'000));
    }
    rig.crash();
    const auto replayed = rig.replay();
    ASSERT_TRUE(replayed) << seed << ": " << replayed.error().message();
    for (std::uint64_t i = 0; i < replayed->frames.size(); ++i) {
      ASSERT_TRUE(replayed->frames[i].second == payload_of(i, 9'000));
    }
  }
}

TEST(Idle, a_sealed_log_sleeps) {
  Rig rig(9);
  ASSERT_TRUE(rig.open(small_options()));
  ASSERT_TRUE(rig.append(1, 100));
  rig.world->run_for(2s);
  const double commits = rig.metric("chronik_wal_commits_total");
  EXPECT_EQ(commits, 2);  // the frame and the seal
  // lesson: 230 empty commits a second with 23 partitions
  int events = 0;
  const Instant end = rig.world->now() + 10min;
  while (rig.world->now() < end && rig.world->step()) ++events;
  EXPECT_LT(events, 20);
  EXPECT_EQ(rig.metric("chronik_wal_commits_total"), commits);
}

}  // namespace
}  // namespace chronik::wal
