// Room, rotation, recycling, back-pressure, a disk that fills.
#include <gtest/gtest.h>

#include "wal/test_rig.h"

namespace chronik::wal {
namespace {

TEST(Files, sizes_that_could_never_work_are_refused) {
  Rig rig(1);
  for (const auto change : std::initializer_list<void (*)(Options&)>{
           [](Options& o) { o.bytes_max = 2 * o.file_bytes - 1; },
           [](Options& o) { o.file_bytes = 8 * kBlock; },
           [](Options& o) { o.file_bytes = 2ULL << 30; },
           [](Options& o) { o.first_file_bytes = kBlock; },
           [](Options& o) { o.first_file_bytes = o.file_bytes + kBlock; },
       }) {
    Options options = small_options();
    change(options);
    EXPECT_EQ(rig.open(options).error().code, Errc::invalid_argument);
  }
  EXPECT_TRUE(rig.files().empty());
}

TEST(Files, a_generation_is_never_used_twice) {
  Rig rig(1);
  ASSERT_TRUE(rig.open(small_options()));
  rig.world->run_for(100ms);
  rig.restart();
  EXPECT_EQ(rig.open(small_options()).error().code, Errc::already_exists);
}

TEST(Files, a_frame_that_no_file_could_hold_is_refused_and_the_largest_one_passes) {
  Rig rig(2);
  ASSERT_TRUE(rig.open(small_options()));
  std::size_t low = 0, high = kSmallFile;
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    const Status status = rig.wal->check_room(middle);
    const bool never = !status && status.error().code == Errc::invalid_argument;
    (never ? high : low) = middle;
  }
  EXPECT_GT(low, kSmallFile - 20 * kBlock);
  EXPECT_EQ(rig.reserve(1, low + 1).error().code, Errc::invalid_argument);
  EXPECT_EQ(rig.run(rig.wal->room(low + 1, rig.in(1s))).error().code, Errc::invalid_argument);
  for (std::uint64_t i = 1; i < 4; ++i) {
    ASSERT_TRUE(rig.run(rig.wal->room(low, rig.in(1s))));
    ASSERT_TRUE(rig.append(i, low));
  }
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_EQ(replayed->frames.size(), 3U);
  EXPECT_TRUE(replayed->frames[2].second == payload_of(3, low));
}

task::Task<void> random_appender(Rig& rig, Prng& prng, std::uint64_t& number, std::size_t largest, bool& stop) {
  while (!stop) {
    // Mostly around the boundaries: tiny, just under a multiple of a block, near the largest.
    const std::uint64_t die = prng.below(4);
    std::size_t bytes = prng.below(200);
    if (die == 1) bytes = prng.below(8) * kBlock + kBlock - 112 - prng.below(16);
    if (die == 2) bytes = largest - prng.below(3 * kBlock);
    if (die == 3) bytes = prng.below(largest);
    bytes = std::min(bytes, largest);
    const Status room = co_await rig.wal->room(bytes, rig.in(5ms));
    if (room) {
      EXPECT_TRUE(rig.reserve(++number, bytes));
    } else {
      EXPECT_EQ(room.error().code, Errc::overloaded);
    }
    rig.wal->check_invariants();
    if (prng.chance(1, 3)) co_await task::sleep_until(*rig.context, "t", rig.in(Duration(prng.below(2'000'000))));
    if (prng.chance(1, 10)) {
      const FrameInfo info{FrameKind::log_start, partition_of(1), Offset(1), LogEndOffset(1)};
      (void)rig.wal->reserve(info, 0, nullptr, true);
      rig.wal->check_invariants();
    }
  }
}

// CHECK(rotate()) in the writer must never fire.
TEST(Files, whatever_was_admitted_has_its_place) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rig rig(seed);
    Prng prng(seed);
    Options options = small_options();
    options.file_bytes = (24 + prng.below(40)) * kBlock + prng.below(kBlock);
    options.first_file_bytes = 2 * kBlock + prng.below(options.file_bytes - 2 * kBlock);
    options.bytes_max = (2 + prng.below(4)) * options.file_bytes;
    options.seal_after = 3ms;
    ASSERT_TRUE(rig.open(options));
    const std::size_t largest = options.file_bytes / kBlock * kBlock - 20 * kBlock;
    std::uint64_t number = 0;
    bool stop = false;
    const std::uint64_t appenders = 1 + prng.below(6);
    for (std::uint64_t i = 0; i < appenders; ++i) {
      rig.context->spawn("t", random_appender(rig, prng, number, largest, stop));
    }
    for (int i = 0; i < 300; ++i) {
      rig.world->run_for(Duration(prng.below(3'000'000)));
      rig.wal->check_invariants();
      if (prng.chance(1, 4)) (void)rig.run(rig.wal->release(rig.wal->last_complete_file_end()));
    }
    stop = true;
    rig.world->run_for(100ms);
    EXPECT_GT(number, 20U);
    EXPECT_FALSE(rig.wal->failure());
    EXPECT_TRUE(rig.run(rig.wal->close(rig.in(1s))));
  }
}

/// Appends until the log is full.
std::uint64_t fill_up(Rig& rig, std::size_t bytes, Errc expected) {
  std::uint64_t number = 0;
  for (;;) {
    const Status room = rig.run(rig.wal->room(bytes, rig.in(20ms)));
    if (!room) {
      EXPECT_EQ(room.error().code, expected) << room.error().message();
      return number;
    }
    EXPECT_TRUE(rig.append(number++, bytes));
    rig.wal->check_invariants();
  }
}

// lesson: Memory exhaustion under load; Failures at 128 producers
TEST(Cap, a_full_log_is_back_pressure_until_something_is_released) {
  Rig rig(3);
  ASSERT_TRUE(rig.open(small_options()));
  const std::uint64_t count = fill_up(rig, 20'000, Errc::overloaded);
  EXPECT_GT(count, 80U);
  EXPECT_LE(rig.wal->stats().bytes_held, small_options().bytes_max);
  EXPECT_EQ(rig.reserve(count, 20'000).error().code, Errc::overloaded);
  const auto waiting = rig.start(rig.wal->room(20'000, rig.in(10s)));
  rig.world->run_for(100ms);
  EXPECT_FALSE(waiting->has_value());
  ASSERT_TRUE(rig.run(rig.wal->release(rig.wal->last_complete_file_end())));
  rig.world->run_for(20ms);
  ASSERT_TRUE(waiting->has_value());
  EXPECT_TRUE(**waiting);
  ASSERT_TRUE(rig.append(count, 20'000));
}

TEST(Cap, control_frames_still_fit_when_batches_do_not) {
  Rig rig(3);
  ASSERT_TRUE(rig.open(small_options()));
  fill_up(rig, 100, Errc::overloaded);
  const FrameInfo info{FrameKind::log_start, partition_of(1), Offset(7), LogEndOffset(7)};
  for (int i = 0; i < 5; ++i) {
    auto place = rig.wal->reserve(info, 0, nullptr, true);
    ASSERT_TRUE(place);
    ASSERT_TRUE(rig.run(rig.wal->committed(place->commit, rig.in(1s))));
  }
}

// lesson: Retention setting ignored, 44 GB of orphan log
TEST(Recycling, a_log_that_is_flushed_stays_within_a_few_files_for_ever) {
  Rig rig(4);
  Options options = small_options();
  options.first_file_bytes = kSmallFile / 4;
  ASSERT_TRUE(rig.open(options));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(rig.run(rig.wal->room(10'000, rig.in(1s))));
    ASSERT_TRUE(rig.append(i, 10'000));
    if (i % 30 == 0) ASSERT_TRUE(rig.run(rig.wal->release(rig.wal->last_complete_file_end())));
  }
  ASSERT_TRUE(rig.run(rig.wal->release(rig.wal->last_complete_file_end())));
  rig.world->run_for(100ms);
  EXPECT_LE(rig.files().size(), 4U);
  EXPECT_EQ(rig.files().size(), rig.wal->stats().files);
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_TRUE(replayed) << replayed.error().message();
  ASSERT_FALSE(replayed->frames.empty());
  EXPECT_LT(replayed->frames.size(), 30U);  // one file's worth: nothing stale
  EXPECT_EQ(replayed->frames.back().first.base, Offset(999));
}

TEST(Recycling, released_files_are_never_seen_by_a_replay) {
  Rig rig(5);
  ASSERT_TRUE(rig.open(small_options()));
  std::uint64_t number = 0;
  while (rig.wal->bytes_complete() < 4 * kSmallFile) {
    ASSERT_TRUE(rig.run(rig.wal->room(10'000, rig.in(1s))));
    ASSERT_TRUE(rig.append(number++, 10'000));
  }
  const auto released = rig.wal->last_complete_file_end();
  ASSERT_TRUE(rig.run(rig.wal->release(released)));
  rig.world->run_for(50ms);
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_TRUE(replayed);
  for (const auto& [info, payload] : replayed->frames)
    EXPECT_GE(info.base.value() + 1, static_cast<std::int64_t>(released.value()));
}

TEST(DiskFull, is_refused_by_name_and_ends_by_itself_when_space_returns) {
  Rig rig(6);
  rig.faults([](auto& f) { f.capacity = 3 * kSmallFile; });
  ASSERT_TRUE(rig.open(small_options()));
  const std::uint64_t count = fill_up(rig, 20'000, Errc::disk_full);
  EXPECT_TRUE(rig.wal->stats().disk_full);
  EXPECT_FALSE(rig.wal->failure());
  rig.world->run_for(1min);  // it goes on trying, and leaves nothing behind
  EXPECT_LE(rig.files().size(), 4U);
  rig.wal->check_invariants();
  rig.faults([](auto& f) { f.capacity = 1U << 30; });
  rig.world->run_for(2s);
  EXPECT_FALSE(rig.wal->stats().disk_full);
  ASSERT_TRUE(rig.append(count, 20'000));
  rig.crash();
  EXPECT_EQ(rig.replay()->frames.size(), count + 1);
}

TEST(DiskFull, ends_at_once_when_a_file_is_released) {
  Rig rig(7);
  rig.faults([](auto& f) { f.capacity = 3 * kSmallFile; });
  ASSERT_TRUE(rig.open(small_options()));
  const std::uint64_t count = fill_up(rig, 20'000, Errc::disk_full);
  ASSERT_TRUE(rig.run(rig.wal->release(rig.wal->last_complete_file_end())));
  rig.world->run_for(20ms);
  EXPECT_FALSE(rig.wal->stats().disk_full);
  EXPECT_TRUE(rig.append(count, 20'000));
}

TEST(DiskFull, at_the_very_start_open_says_so_and_leaves_nothing) {
  Rig rig(8);
  rig.faults([](auto& f) { f.capacity = kSmallFile / 2; });
  EXPECT_EQ(rig.open(small_options()).error().code, Errc::disk_full);
  EXPECT_TRUE(rig.files().empty());
}

}  // namespace
}  // namespace chronik::wal
