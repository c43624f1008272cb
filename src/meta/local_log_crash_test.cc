// What a kill, a torn write and rot leave of the metadata log: acknowledged commands are there or the start fails with
// a message that says where; what was never acknowledged may be there or not.
#include <gtest/gtest.h>

#include <map>

#include "meta/local_log.h"
#include "meta/log_for_test.h"
#include "task/io.h"

namespace chronik::meta {
namespace {

/// Every acknowledged command is in `found`, in order, under its index.
void expect_kept(const std::vector<std::pair<Index, Command>>& acknowledged, const std::map<Index, Command>& found) {
  for (const auto& [index, command] : acknowledged) {
    const auto at = found.find(index);
    ASSERT_NE(at, found.end()) << "command " << index.value() << " is lost";
    ASSERT_EQ(at->second, command) << "command " << index.value() << " is another one";
  }
}

struct Proposal {
  Command command;
  std::optional<Result<Outcome>> result;
};

TEST(LocalLogCrash, acknowledged_commands_survive_a_kill_at_any_point) {
  int torn = 0;
  int unacknowledged_kept = 0;
  int from_snapshot = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    LogRig rig(seed, {.bytes_max = 96U << 10});
    RandomCommands commands(seed);
    Prng& prng = commands.prng();
    std::vector<std::pair<Index, Command>> acknowledged;
    std::map<Index, Command> history;  // as the last replay showed it
    for (int life = 0; life < 5; ++life) {
      const auto opened = rig.open();
      ASSERT_TRUE(opened) << "seed " << seed << ": " << opened.error().message();
      torn += rig.log->replayed().torn ? 1 : 0;
      for (const auto& [index, command] : rig.state->applied) history.insert_or_assign(index, command);
      const Index end = rig.log->replayed().position.index;
      if (!rig.state->applied.empty() && rig.state->applied.front().first > Index(1)) ++from_snapshot;
      for (auto& [index, command] : acknowledged) ASSERT_LE(index, end) << "seed " << seed;
      unacknowledged_kept += end > Index(acknowledged.size()) ? 1 : 0;
      ASSERT_NO_FATAL_FAILURE(expect_kept(acknowledged, history)) << "seed " << seed;
      // The state is what the history gives.
      MetadataState expected;
      for (const auto& [index, command] : history) (void)expected.apply(index, command);
      ASSERT_TRUE(expected == rig.state->state) << "seed " << seed;

      std::vector<std::unique_ptr<Proposal>> proposals;
      for (std::uint64_t n = prng.below(60); n > 0; --n) {
        proposals.push_back(std::make_unique<Proposal>(Proposal{commands.next(), std::nullopt}));
        rig.start(proposals.back()->command, proposals.back()->result);
        if (prng.chance(1, 2)) rig.world->run_for(std::chrono::microseconds(prng.below(2000)));
      }
      rig.world->run_for(std::chrono::microseconds(prng.below(3000)));
      if (prng.chance(1, 2)) {  // a group of many blocks on its way
        AlterBrokerConfigs wide{BrokerId(1), false, {{"wide", ConfigOperation::set, std::string(40'000, 'w')}}};
        proposals.push_back(std::make_unique<Proposal>(Proposal{std::move(wide), std::nullopt}));
        rig.start(proposals.back()->command, proposals.back()->result);
        rig.world->run_for(std::chrono::microseconds(prng.below(600)));
      }
      for (const auto& proposal : proposals) {
        if (!proposal->result) continue;
        ASSERT_TRUE(*proposal->result);
        acknowledged.emplace_back((*proposal->result)->index, proposal->command);
      }
      // What this life applied is the history so far; a snapshot may hide it from the next replay.
      for (const auto& [index, command] : rig.state->applied) history.insert_or_assign(index, command);
      // A synced write in flight then counts as written and not yet synced.
      rig.machine.disk_faults().fail_syncs = prng.chance(1, 2);
      rig.crash();
      rig.machine.disk_faults().fail_syncs = false;
    }
  }
  EXPECT_GT(torn, 20);
  EXPECT_GT(unacknowledged_kept, 20);
  EXPECT_GT(from_snapshot, 20);
}

/// A log of five groups in one file, each one block, with a seal behind each.
void five_groups(LogRig& rig) {
  ASSERT_TRUE(rig.open());
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(rig.propose(create_one("t" + std::to_string(i), i)));
    rig.world->run_for(10ms);
  }
  rig.restart();
}
const std::string kFirstFile = "meta/" + log_file_name(1);
constexpr std::uint64_t kGroupStride = 2 * kLogBlock;  // a group and its seal

TEST(LocalLogCrash, rot_of_an_acknowledged_group_is_reported_with_file_and_byte) {
  for (std::uint64_t group = 0; group < 5; ++group) {
    LogRig rig(group);
    ASSERT_NO_FATAL_FAILURE(five_groups(rig));
    const std::uint64_t at = kLogBlock + group * kGroupStride;
    ASSERT_TRUE(rig.machine.flip(kFirstFile, at + 60, 0x40));
    const auto opened = rig.open();
    ASSERT_FALSE(opened);  // the last one too: its seal says that it was durable
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_NE(opened.error().detail.find(kFirstFile), std::string::npos) << opened.error().detail;
    EXPECT_NE(opened.error().detail.find("byte " + std::to_string(at)), std::string::npos) << opened.error().detail;
    // Mended, it is all there: nothing was changed on disk.
    rig.end();
    ASSERT_TRUE(rig.machine.flip(kFirstFile, at + 60, 0x40));
    ASSERT_TRUE(rig.open());
    EXPECT_EQ(rig.state->state.image()->topics().size(), 5U);
  }
}

/// Makes the log go on in another file, as after a write that ran out of space.
void next_file(LogRig& rig, std::uint64_t id) {
  rig.wrapped->next_write = NextWrite::half_and_full;
  ASSERT_FALSE(rig.propose(create_one("refused", 99)));
  ASSERT_TRUE(rig.propose(create_one("t" + std::to_string(id), id)));
  rig.world->run_for(10ms);
}

TEST(LocalLogCrash, rot_of_the_last_group_shows_when_another_file_follows) {
  LogRig rig(1);
  ASSERT_TRUE(rig.open());
  ASSERT_TRUE(rig.propose(create_one("t", 1)));
  rig.world->run_for(10ms);
  ASSERT_NO_FATAL_FAILURE(next_file(rig, 2));
  rig.restart();
  ASSERT_TRUE(rig.machine.flip(kFirstFile, kLogBlock + 8, 1));
  ASSERT_TRUE(rig.machine.flip(kFirstFile, 2 * kLogBlock + 8, 1));  // the seal as well
  const auto opened = rig.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_NE(opened.error().detail.find("byte " + std::to_string(kLogBlock)), std::string::npos)
      << opened.error().detail;
}

TEST(LocalLogCrash, what_a_killed_process_wrote_and_never_synced_is_not_built_upon) {
  int came_back = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    LogRig rig(seed);
    ASSERT_TRUE(rig.open());
    ASSERT_TRUE(rig.propose(create_one("acknowledged", 1)));
    rig.machine.disk_faults().fail_syncs = true;
    ASSERT_FALSE(rig.propose(create_one("unknown", 2)));
    rig.machine.disk_faults().fail_syncs = false;
    rig.end();  // the process ends, the machine does not: its page cache shows what the disk may not hold
    ASSERT_TRUE(rig.open());
    const bool shown = rig.state->state.image()->find("unknown") != nullptr;
    came_back += shown ? 1 : 0;
    ASSERT_TRUE(rig.propose(create_one("later", 3)));
    rig.crash();
    const auto opened = rig.open();
    ASSERT_TRUE(opened) << "seed " << seed << ": " << opened.error().message();
    const ImagePtr image = rig.state->state.image();
    EXPECT_TRUE(image->find("acknowledged"));
    EXPECT_TRUE(image->find("later"));
    EXPECT_EQ(image->find("unknown") != nullptr, shown);
  }
  EXPECT_GT(came_back, 10);
}

TEST(LocalLogCrash, rot_of_a_seal_loses_nothing) {
  LogRig rig(2);
  ASSERT_NO_FATAL_FAILURE(five_groups(rig));
  for (std::uint64_t group = 0; group < 5; ++group) {
    ASSERT_TRUE(rig.machine.flip(kFirstFile, kLogBlock + group * kGroupStride + kLogBlock + 20, 0xff));
  }
  const auto opened = rig.open();
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(rig.state->state.image()->topics().size(), 5U);
}

TEST(LocalLogCrash, rot_of_a_file_header_or_of_the_snapshot_is_reported) {
  {
    LogRig rig(3);
    ASSERT_NO_FATAL_FAILURE(five_groups(rig));
    ASSERT_TRUE(rig.machine.flip(kFirstFile, 20, 1));
    const auto opened = rig.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
  }
  {
    LogRig rig(4, {.bytes_max = 16U << 10});
    ASSERT_NO_FATAL_FAILURE(five_groups(rig));
    ASSERT_TRUE(rig.machine.flip("meta/snapshot", 70, 1));
    const auto opened = rig.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_NE(opened.error().detail.find("meta/snapshot"), std::string::npos) << opened.error().detail;
  }
}

TEST(LocalLogCrash, a_missing_file_is_reported) {
  LogRig rig(5);
  ASSERT_NO_FATAL_FAILURE(five_groups(rig));
  ASSERT_TRUE(rig.open());
  for (std::uint64_t i = 10; i < 13; ++i) ASSERT_NO_FATAL_FAILURE(next_file(rig, i));
  ASSERT_TRUE(*rig.run(task::remove(*rig.context, "meta/" + log_file_name(3), rig.context->after(1s))));
  rig.end();
  const auto opened = rig.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST(LocalLogCrash, an_unreadable_disk_is_not_an_empty_one) {
  LogRig rig(6);
  ASSERT_NO_FATAL_FAILURE(five_groups(rig));
  rig.machine.disk_faults().fail_reads = true;
  const auto opened = rig.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::storage_failed);
}

}  // namespace
}  // namespace chronik::meta
