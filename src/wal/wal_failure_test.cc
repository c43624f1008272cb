// EIO, failed syncs, stalls, shutdown: everybody is answered, and nothing failed is ever called a success.
#include <gtest/gtest.h>

#include "wal/test_rig.h"

namespace chronik::wal {
namespace {

/// Fails the log by `break_disk` with groups queued behind one another; gives the rig for a further look.
void expect_sticky(Rig& rig, const std::function<void(sim::DiskFaults&)>& break_disk) {
  std::vector<Errc> heard;
  rig.wal->on_failure([&](const Error& error) { heard.push_back(error.code); });
  auto owner = std::make_shared<Told>();
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(rig.append(i, 1000));
  rig.faults(break_disk);
  std::vector<CommitPtr> commits;
  for (std::uint64_t i = 5; i < 12; ++i) {
    auto place = rig.reserve(i, 1000, 0, owner);
    ASSERT_TRUE(place);
    commits.push_back(place->commit);
    rig.world->run_for(30us);  // some in flight, some behind
  }
  for (const auto& commit : commits) {
    const Status status = rig.run(rig.wal->committed(commit, rig.in(20s)));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::storage_failed);
  }
  rig.wal->check_invariants();
  EXPECT_TRUE(owner->durable.empty());
  EXPECT_FALSE(owner->failed.empty());
  EXPECT_EQ(heard, std::vector<Errc>{Errc::storage_failed});
  // Sticky, though the disk is well again.
  rig.faults([](auto& f) { f = sim::DiskFaults{}; });
  rig.world->run_for(5s);
  EXPECT_EQ(rig.reserve(99, 10).error().code, Errc::storage_failed);
  EXPECT_EQ(rig.run(rig.wal->room(10, rig.in(1s))).error().code, Errc::storage_failed);
  EXPECT_EQ(rig.run(rig.wal->close(rig.in(1s))).error().code, Errc::storage_failed);
  EXPECT_EQ(rig.run(rig.wal->release(GroupSequence(3))).error().code, Errc::storage_failed);
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_TRUE(replayed) << replayed.error().message();
  ASSERT_GE(replayed->frames.size(), 5U);  // what was acknowledged, and perhaps more
  for (std::uint64_t i = 0; i < replayed->frames.size(); ++i) {
    ASSERT_TRUE(replayed->frames[i].second == payload_of(i, 1000));
  }
}

// lesson: Later acknowledged records unreadable after a partial write (the file is poisoned)
// lesson: Clients saw success for failed writes
TEST(Failure, a_failed_write_takes_everything_behind_it_along_for_good) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.open(small_options()));
    expect_sticky(rig, [](auto& f) { f.fail_writes = true; });
  }
}

TEST(Failure, a_failed_sync_is_never_retried) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.open(small_options()));
    expect_sticky(rig, [](auto& f) { f.fail_syncs = true; });
  }
}

TEST(Failure, a_failed_interval_sync_fails_the_log) {
  Rig rig(1);
  Options options = small_options();
  options.sync = SyncMode::interval;
  ASSERT_TRUE(rig.open(options));
  ASSERT_TRUE(rig.append(1, 100));
  rig.faults([](auto& f) { f.fail_syncs = true; });
  rig.world->run_for(3s);
  EXPECT_TRUE(rig.wal->failure());
}

// lesson: A node froze for 3 hours, at 0 % CPU
TEST(Stall, every_waiter_is_answered_by_its_deadline_and_the_log_has_failed) {
  Rig rig(2);
  ASSERT_TRUE(rig.open(small_options()));
  ASSERT_TRUE(rig.append(0, 100));
  rig.world->run_for(100ms);
  rig.faults([](auto& f) { f.stalled = true; });
  const Instant begin = rig.world->now();
  std::vector<std::pair<Duration, std::shared_ptr<std::optional<Status>>>> waiters;
  auto owner = std::make_shared<Told>();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    auto place = rig.reserve(i, 100, 0, owner);
    ASSERT_TRUE(place);
    const Duration patience = Duration(200ms) * static_cast<std::int64_t>(i);  // up to 20 s; the stall limit is 10 s
    waiters.emplace_back(patience, rig.start(rig.wal->committed(place->commit, rig.in(patience))));
  }
  for (int tick = 0; tick < 210; ++tick) {
    rig.world->run_for(100ms);
    for (const auto& [patience, result] : waiters) {
      if (rig.world->now() - begin >= patience) EXPECT_TRUE(result->has_value());
    }
  }
  for (const auto& [patience, result] : waiters) {
    ASSERT_TRUE(result->has_value());
    ASSERT_FALSE(**result);
    if (patience < 9s) EXPECT_EQ((**result).error().code, Errc::timed_out);
    if (patience > 11s) EXPECT_EQ((**result).error().code, Errc::storage_failed);
  }
  EXPECT_TRUE(rig.wal->failure());
  EXPECT_FALSE(owner->failed.empty());
  EXPECT_TRUE(owner->durable.empty());
  EXPECT_EQ(rig.reserve(999, 10).error().code, Errc::storage_failed);
  // The late write takes effect; nobody is told otherwise.
  rig.faults([](auto& f) { f.stalled = false; });
  rig.world->run_for(1s);
  EXPECT_TRUE(owner->durable.empty());
  EXPECT_EQ(rig.context->detached(), 0U);
}

TEST(Stall, the_other_disk_goes_on) {
  Rig rig(3);
  ASSERT_TRUE(rig.open(small_options()));
  task::Context other(rig.world->machine("other").env());
  struct Stop {
    task::Context& context;
    ~Stop() { context.stop(); }
  };
  std::unique_ptr<Wal> healthy;
  Options options = small_options();
  options.directory = "";
  options.shard = ShardId(1);
  const auto open_it = [](task::Context& c, Options o, std::unique_ptr<Wal>& into) -> task::Task<void> {
    auto opened = co_await Wal::open(c, std::move(o));
    if (opened) into = *std::move(opened);
  };
  other.spawn("t", open_it(other, options, healthy));
  rig.world->run_for(50ms);
  ASSERT_TRUE(healthy);
  const Stop stop{other};
  rig.faults([](auto& f) { f.stalled = true; });
  ASSERT_TRUE(rig.reserve(1, 100));
  for (std::int64_t i = 0; i < 50; ++i) {
    const FrameInfo info{FrameKind::batch, partition_of(1), Offset(i), LogEndOffset(i + 1)};
    const auto place = healthy->reserve(info, 0, nullptr);
    ASSERT_TRUE(place);
    rig.world->run_for(5ms);
    ASSERT_TRUE(place->commit->status && *place->commit->status);
  }
}

TEST(Stall, opening_and_preparing_on_a_stalled_disk_end_too) {
  Rig rig(4);
  rig.faults([](auto& f) { f.stalled = true; });
  const Instant begin = rig.world->now();
  EXPECT_FALSE(rig.open(small_options()));
  EXPECT_EQ(rig.world->now() - begin, 10s);
}

TEST(Failure, from_outside_ends_every_wait) {
  Rig rig(5);
  ASSERT_TRUE(rig.open(small_options()));
  const auto place = rig.reserve(1, 100);
  const auto committed = rig.start(rig.wal->committed(place->commit, rig.in(10s)));
  rig.world->run_for(20us);
  rig.wal->fail(Error{Errc::timed_out, "the directory went offline"});
  rig.world->run_for(10ms);
  ASSERT_TRUE(committed->has_value());
  EXPECT_EQ((**committed).error().code, Errc::storage_failed);
  EXPECT_EQ(rig.run(rig.wal->close(rig.in(1s))).error().code, Errc::storage_failed);
  rig.world->run_for(2h);  // no coroutine of it spins
}

task::Task<void> append_until_refused(Rig& rig, std::uint64_t first, std::map<std::uint64_t, CommitPtr>& reserved,
                                      Errc& end) {
  for (std::uint64_t number = first;; ++number) {
    const Status room = co_await rig.wal->room(500, rig.in(10s));
    auto place = room ? rig.reserve(number, 500) : Result<Reservation>(fail(room.error()));
    if (!place) {
      end = place.error().code;
      co_return;
    }
    reserved[number] = place->commit;
    (void)co_await rig.wal->committed(place->commit, rig.in(10s));
  }
}

TEST(Close, under_load_commits_what_was_reserved_and_refuses_the_rest) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.open(small_options()));
    std::map<std::uint64_t, CommitPtr> reserved;
    Errc ends[8]{};
    for (std::uint64_t a = 0; a < 8; ++a) {
      rig.context->spawn("t", append_until_refused(rig, a * 10'000, reserved, ends[a]));
    }
    rig.world->run_for(Duration(rig.world->prng().below(20'000'000)));
    ASSERT_TRUE(rig.run(rig.wal->close(rig.in(5s))));
    ASSERT_TRUE(rig.run(rig.wal->close(rig.in(5s)))) << "a second time";
    rig.world->run_for(20ms);
    for (const Errc end : ends) EXPECT_EQ(end, Errc::closed);
    for (const auto& [number, commit] : reserved) ASSERT_TRUE(commit->status && *commit->status);
    rig.wal->check_invariants();
    rig.wal.reset();  // while the loop runs on
    rig.world->run_for(2h);
    EXPECT_EQ(rig.context->running(), 0U);
    rig.crash();
    const auto replayed = rig.replay();
    ASSERT_TRUE(replayed) << replayed.error().message();
    EXPECT_EQ(replayed->frames.size(), reserved.size());
  }
}

TEST(Close, on_a_stalled_disk_ends_at_its_deadline_and_the_log_may_go) {
  Rig rig(6);
  ASSERT_TRUE(rig.open(small_options()));
  const auto place = rig.reserve(1, 100);
  rig.faults([](auto& f) { f.stalled = true; });
  EXPECT_EQ(rig.run(rig.wal->close(rig.in(1s))).error().code, Errc::timed_out);
  rig.wal.reset();
  rig.world->run_for(1min);
  rig.faults([](auto& f) { f.stalled = false; });
  rig.world->run_for(1min);
  EXPECT_EQ(rig.context->detached(), 0U);
}

TEST(Close, at_any_moment_the_log_may_be_dropped_while_the_loop_runs_on) {
  for (std::uint64_t steps = 0; steps < 150; ++steps) {
    Rig rig(steps);
    const auto opening = rig.start(Wal::open(*rig.context, small_options()));
    for (std::uint64_t i = 0; i < steps && !opening->has_value(); ++i) rig.world->step();
    if (opening->has_value()) {
      rig.wal = std::move(***opening);
      for (std::uint64_t i = 0; i < steps; ++i) {
        if (i % 5 == 0) (void)rig.reserve(i, 3000);
        rig.world->step();
      }
      rig.wal.reset();
    }
    rig.world->run_for(1min);
    EXPECT_EQ(rig.context->detached(), 0U);
  }
}

}  // namespace
}  // namespace chronik::wal
