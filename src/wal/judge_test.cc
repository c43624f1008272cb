// What replay makes of damaged, torn, released and recycled files.
#include <gtest/gtest.h>

#include <cstring>

#include "wal/test_rig.h"

namespace chronik::wal {
namespace {

constexpr std::size_t kPayload = 10'000;  // three blocks with its group

/// Appends groups of one frame until `files` files are complete; gives the number of groups.
std::uint64_t fill(Rig& rig, std::uint64_t bytes_complete, std::uint64_t first = 1) {
  std::uint64_t number = first;
  while (rig.wal->bytes_complete() < bytes_complete) {
    EXPECT_TRUE(rig.append(number++, kPayload));
    rig.world->run_for(5ms);
  }
  return number - 1;
}

[[maybe_unused]] void expect_frames(const Replayed& replayed, std::uint64_t first, std::uint64_t last) {
  ASSERT_EQ(replayed.frames.size(), last - first + 1);
  for (std::uint64_t n = first; n <= last; ++n) {
    EXPECT_EQ(replayed.frames[n - first].first.base.value(), static_cast<std::int64_t>(n));
    EXPECT_EQ(replayed.frames[n - first].second, payload_of(n, kPayload));
  }
}

// lesson: Log overwritten at offset 0; Later acknowledged records unreadable after a partial write
TEST(Judge, releasing_many_files_at_once_leaves_a_log_that_replays) {
  Rig rig(1);
  ASSERT_TRUE(rig.open(small_options()));
  const std::uint64_t filled = fill(rig, 5 * kSmallFile);
  ASSERT_TRUE(rig.run(rig.wal->release(rig.wal->last_complete_file_end())));
  std::uint64_t number = filled;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(rig.append(++number, kPayload));
  rig.world->run_for(1s);
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_TRUE(replayed) << replayed.error().message();
  ASSERT_GE(replayed->frames.size(), 3U);
  EXPECT_EQ(replayed->frames.back().second, payload_of(number, kPayload));
}

TEST(Judge, damage_to_the_first_group_of_the_first_file_is_corruption) {
  Rig rig(2);
  ASSERT_TRUE(rig.open(small_options()));
  fill(rig, 2 * kSmallFile);
  rig.crash();
  ASSERT_TRUE(rig.machine.flip("wal/" + rig.files().front(), kBlock + 1000, 1));
  const auto replayed = rig.replay();
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code, Errc::corrupt);
}

TEST(Judge, a_torn_first_group_behind_released_files_is_torn) {
  Rig rig(3);
  ASSERT_TRUE(rig.open(small_options()));
  std::uint64_t number = fill(rig, 2 * kSmallFile);
  ASSERT_TRUE(rig.run(rig.wal->release(GroupSequence(number))));
  rig.world->run_for(2s);
  // Whatever is left: tear the first group of the oldest file that is in use.
  rig.crash();
  auto names = rig.files();
  for (const std::string& name : names) {
    const std::string bytes = rig.read(name);
    FileHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    RecordProperty(name, static_cast<int>(header.number));
  }
}

}  // namespace
}  // namespace chronik::wal
