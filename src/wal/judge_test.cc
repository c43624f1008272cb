// What replay makes of damaged, torn, missing, released and foreign files.
#include <gtest/gtest.h>

#include <cstring>

#include "task/io.h"
#include "wal/test_rig.h"

namespace chronik::wal {
namespace {

constexpr std::size_t kPayload = 10'000;  // three blocks with its group
constexpr std::uint64_t kGroupBlocks = 3;

/// Appends groups of one frame, numbered from `number` on, until so many bytes of files are complete.
void fill(Rig& rig, std::uint64_t& number, std::uint64_t bytes_complete) {
  while (rig.wal->bytes_complete() < bytes_complete) {
    ASSERT_TRUE(rig.run(rig.wal->room(kPayload, rig.in(1s))));
    ASSERT_TRUE(rig.append(number, kPayload));
    ++number;
  }
}

void expect_frames(const Result<Replayed>& replayed, std::uint64_t first, std::uint64_t end) {
  ASSERT_TRUE(replayed) << replayed.error().message();
  ASSERT_EQ(replayed->frames.size(), end - first);
  for (std::uint64_t n = first; n < end; ++n) {
    ASSERT_EQ(replayed->frames[n - first].first.base.value(), static_cast<std::int64_t>(n));
    ASSERT_TRUE(replayed->frames[n - first].second == payload_of(n, kPayload));
  }
}

void expect_corrupt(const Result<Replayed>& replayed, const std::string& named) {
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code, Errc::corrupt);
  EXPECT_NE(replayed.error().detail.find(named), std::string::npos) << replayed.error().detail;
}

FileHeader header_of(Rig& rig, const std::string& name) {
  FileHeader header;
  std::memcpy(&header, rig.read(name).data(), sizeof header);
  return header;
}

// lesson: Later acknowledged records unreadable after a partial write
TEST(Judge, releasing_many_files_at_once_leaves_a_log_that_replays) {
  Rig rig(1);
  ASSERT_TRUE(rig.open(small_options()));
  std::uint64_t number = 0;
  fill(rig, number, 5 * kSmallFile);
  ASSERT_TRUE(rig.run(rig.wal->release(rig.wal->last_complete_file_end())));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(rig.append(number++, kPayload));
  rig.world->run_for(1s);
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_TRUE(replayed) << replayed.error().message();
  expect_frames(replayed, number - replayed->frames.size(), number);
}

TEST(Judge, damage_to_the_first_group_of_the_first_file_is_corruption) {
  Rig rig(2);
  ASSERT_TRUE(rig.open(small_options()));
  std::uint64_t number = 0;
  fill(rig, number, 2 * kSmallFile);
  rig.crash();
  const std::string first = rig.files().front();
  for (const std::uint64_t at : {kBlock, kBlock + 40, kBlock + 1000}) {
    ASSERT_TRUE(rig.machine.flip("wal/" + first, at, 1));
    expect_corrupt(rig.replay(), first);
    ASSERT_TRUE(rig.machine.flip("wal/" + first, at, 1));
  }
  expect_frames(rig.replay(), 0, number);
}

TEST(Judge, a_torn_first_group_behind_released_files_is_torn) {
  for (const std::uint64_t at : {kBlock, kBlock + 40, kBlock + 1000}) {
    Rig rig(3);
    ASSERT_TRUE(rig.open(small_options()));
    // As far as the first group of a file whose predecessors are all released.
    std::uint64_t number = 0;
    for (int i = 0; i < 4; ++i) {
      fill(rig, number, kSmallFile);
      ASSERT_TRUE(rig.run(rig.wal->release(rig.wal->last_complete_file_end())));
    }
    rig.world->run_for(50ms);
    rig.crash();
    std::string used;
    for (const std::string& name : rig.files()) {
      if (header_of(rig, name).first > 0) {
        EXPECT_TRUE(used.empty());
        used = name;
      }
    }
    expect_frames(rig.replay(), number - 1, number);
    // Rot in the last group cannot be told from a write that the power cut tore.
    ASSERT_TRUE(rig.machine.flip("wal/" + used, at, 1));
    const auto replayed = rig.replay();
    ASSERT_TRUE(replayed) << replayed.error().message();
    EXPECT_TRUE(replayed->frames.empty());
    EXPECT_EQ(replayed->report.torn_groups, at == kBlock ? 0U : 1U);  // without its magic it is just a block
  }
}

TEST(Judge, rot_in_the_last_group_is_torn_until_a_seal_vouches_for_it) {
  for (const bool sealed : {false, true}) {
    Rig rig(4);
    ASSERT_TRUE(rig.open(small_options()));
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(rig.append(i, kPayload));
    if (sealed) rig.world->run_for(2s);
    rig.crash();
    const std::string first = rig.files().front();
    ASSERT_TRUE(rig.machine.flip("wal/" + first, kBlock * (1 + 2 * kGroupBlocks) + 2000, 4));
    if (sealed) {
      expect_corrupt(rig.replay(), first);
    } else {
      expect_frames(rig.replay(), 0, 2);
      EXPECT_EQ(rig.replay()->report.torn_groups, 1U);
    }
  }
}

TEST(Judge, an_orderly_close_seals_everything) {
  Rig rig(5);
  ASSERT_TRUE(rig.open(small_options()));
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(rig.reserve(i, kPayload));
  ASSERT_TRUE(rig.run(rig.wal->close(rig.in(1s))));
  rig.restart();
  const std::string first = rig.files().front();
  expect_frames(rig.replay(), 0, 3);
  ASSERT_TRUE(rig.machine.flip("wal/" + first, 2 * kBlock, 4));
  expect_corrupt(rig.replay(), first);
}

/// Flips every 101st byte of every file. Whatever is hit: all frames, or corrupt; or, if the log was not sealed, all
/// but those of the last write, when that write was hit.
void flip_everywhere(bool sealed) {
  Rig rig(6);
  Options options = small_options();
  options.file_bytes = options.first_file_bytes = 24 * kBlock;
  ASSERT_TRUE(rig.open(options));
  std::uint64_t number = 0;
  fill(rig, number, 24 * kBlock);
  ASSERT_TRUE(rig.append(number++, kPayload));
  const std::uint64_t last_group = 1 + kGroupBlocks;  // its block in the second file
  if (sealed) rig.world->run_for(2s);
  rig.crash();
  int corrupt = 0, shorter = 0, unharmed = 0;
  for (const std::string& name : rig.files()) {
    const std::uint64_t size = rig.size_of(name);
    const bool last_file = header_of(rig, name).first + 2 == number + 1;
    for (std::uint64_t at = 0; at < size; at += 101) {
      ASSERT_TRUE(rig.machine.flip("wal/" + name, at, 0x10));
      const auto replayed = rig.replay();
      if (!replayed) {
        ++corrupt;
        ASSERT_EQ(replayed.error().code, Errc::corrupt) << name << " " << at;
      } else if (replayed->frames.size() == number) {
        ++unharmed;
        expect_frames(replayed, 0, number);
      } else {
        ++shorter;
        const std::uint64_t block = at / kBlock;
        ASSERT_TRUE(!sealed && last_file && block >= last_group && block < last_group + kGroupBlocks)
            << name << " " << at;
        expect_frames(replayed, 0, number - 1);
      }
      ASSERT_TRUE(rig.machine.flip("wal/" + name, at, 0x10));
    }
  }
  EXPECT_GT(corrupt, 500);
  EXPECT_GT(unharmed, 500);
  EXPECT_EQ(shorter > 0, !sealed);
}

// lesson: A committed record with bit rot was taken for a torn tail and the log truncated
// lesson: CRC written, never verified
TEST(Judge, a_flipped_bit_anywhere_is_reported_or_harmless_when_sealed) {
  flip_everywhere(true);
}
TEST(Judge, a_flipped_bit_costs_at_most_the_last_write_when_not_sealed) {
  flip_everywhere(false);
}

TEST(Judge, a_missing_file_in_the_middle_is_corruption_and_missing_old_ones_are_not) {
  Rig rig(7);
  ASSERT_TRUE(rig.open(small_options()));
  std::uint64_t number = 0;
  fill(rig, number, 4 * kSmallFile);
  rig.world->run_for(2s);
  rig.crash();
  const auto names = rig.files();
  const std::string moved = "wal/moved-away";
  ASSERT_TRUE(rig.run(task::rename(*rig.context, "wal/" + names[1], moved, rig.in(1s))));
  expect_corrupt(rig.replay(), names[0]);
  // What the message advises: give up the older ones too.
  ASSERT_TRUE(rig.run(task::remove(*rig.context, "wal/" + names[0], rig.in(1s))));
  const auto replayed = rig.replay();
  ASSERT_TRUE(replayed) << replayed.error().message();
  expect_frames(replayed, number - replayed->frames.size(), number);
  EXPECT_FALSE(replayed->frames.empty());
}

TEST(Judge, replayed_files_removed_halfway_through_leave_a_log_that_replays) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.open(small_options()));
    std::uint64_t number = 0;
    fill(rig, number, 4 * kSmallFile);
    rig.world->run_for(2s);
    rig.crash();
    auto files = rig.replay()->report.files;
    (void)rig.start(remove_replayed(*rig.context, "wal", std::move(files), 1s));
    rig.world->run_for(Duration(rig.world->prng().below(4'000'000)));
    rig.crash();
    const auto replayed = rig.replay();
    ASSERT_TRUE(replayed) << seed << " " << replayed.error().message();
    expect_frames(replayed, number - replayed->frames.size(), number);
  }
}

TEST(Judge, a_file_of_another_directory_or_a_newer_format_is_refused_by_name) {
  Rig rig(8);
  ASSERT_TRUE(rig.open(small_options()));
  ASSERT_TRUE(rig.append(0, kPayload));
  rig.crash();
  const std::string name = rig.files().front();
  expect_corrupt(rig.replay(LogId(78)), name);
  FileHeader header = header_of(rig, name);
  header.version = 2;
  seal(header);
  auto file = rig.run(task::open(*rig.context, "wal/" + name, {}, rig.in(1s))).value();
  const Buffer bytes = Buffer::copy_of(std::as_bytes(std::span(&header, 1)));
  ASSERT_TRUE(rig.run(task::write(*rig.context, file, 0, {bytes}, env::Sync::data, rig.in(1s))));
  EXPECT_EQ(rig.replay().error().code, Errc::unsupported);
}

TEST(Judge, files_that_only_look_like_ours_are_left_alone) {
  Rig rig(9);
  ASSERT_TRUE(rig.open(small_options()));
  ASSERT_TRUE(rig.append(0, kPayload));
  rig.crash();
  for (const char* name :
       {"notes.wal", "0000000000000001-0000-00000002.wal.bak", "1-0-3.wal", "+000000000000001-0000-4.wal"}) {
    ASSERT_TRUE(rig.run(task::open(*rig.context, std::string("wal/") + name, {.create = true}, rig.in(1s))));
  }
  ASSERT_TRUE(rig.run(task::make_directory(*rig.context, "wal/0000000000000001-0000-00000009.wal", rig.in(1s))));
  expect_frames(rig.replay(), 0, 1);
}

TEST(Judge, an_error_of_the_sink_or_the_disk_ends_the_replay) {
  Rig rig(10);
  ASSERT_TRUE(rig.open(small_options()));
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(rig.append(i, kPayload));
  rig.crash();
  int frames = 0;
  auto sink = [&](const ReplayedFrame&) -> Status {
    if (++frames == 3) return fail(Errc::overloaded, "enough");
    return {};
  };
  EXPECT_EQ(rig.run(replay(*rig.context, "wal", LogId(77), 1s, sink)).error().code, Errc::overloaded);
  EXPECT_EQ(frames, 3);
  rig.faults([](auto& f) { f.fail_reads = true; });
  EXPECT_EQ(rig.replay().error().code, Errc::storage_failed);
  rig.faults([](auto& f) {
    f.fail_reads = false;
    f.stalled = true;
  });
  const Instant begin = rig.world->now();
  EXPECT_EQ(rig.replay().error().code, Errc::timed_out);
  EXPECT_EQ(rig.world->now() - begin, 10s);
}

TEST(Shards, the_files_of_several_shards_replay_whatever_their_number_is_now) {
  Rig rig(11);
  std::vector<std::unique_ptr<Wal>> shards;
  for (std::uint32_t s = 0; s < 3; ++s) {
    Options options = small_options();
    options.shard = ShardId(s);
    shards.push_back(std::move(rig.run(Wal::open(*rig.context, options)).value()));
  }
  for (std::int64_t n = 0; n < 30; ++n) {
    const auto index = static_cast<std::size_t>(n % 3);
    const FrameInfo info{FrameKind::batch, partition_of(static_cast<std::int32_t>(index)), Offset(n),
                         LogEndOffset(n + 1)};
    auto place = shards[index]->reserve(info, 0, nullptr);
    ASSERT_TRUE(rig.run(shards[index]->committed(place->commit, rig.in(1s))));
  }
  for (auto& shard : shards) ASSERT_TRUE(rig.run(shard->close(rig.in(1s))));
  shards.clear();
  rig.crash();
  const auto replayed = rig.replay();
  ASSERT_TRUE(replayed);
  ASSERT_EQ(replayed->frames.size(), 30U);
  std::map<TopicPartition, std::int64_t> last;
  for (const auto& [info, payload] : replayed->frames) {
    const auto [at, fresh] = last.emplace(info.partition, info.base.value());
    if (!fresh) {
      EXPECT_EQ(info.base.value(), at->second + 3);
      at->second = info.base.value();
    }
  }
  EXPECT_EQ(replayed->report.newest, Generation(1));
}

}  // namespace
}  // namespace chronik::wal
