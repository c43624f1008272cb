// The local metadata log on a simulated disk: group commit, faults, snapshots. Crashes: local_log_crash_test.cc.
#include "meta/local_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "meta/log_for_test.h"
#include "task/io.h"

namespace chronik::meta {
namespace {

std::vector<std::string> names_in(LogRig& rig) {
  std::vector<std::string> names;
  const auto listed = rig.run(task::list(*rig.context, "meta", rig.context->after(1s)));
  for (const env::DirectoryEntry& entry : **listed) names.push_back(entry.name);
  return names;
}

TEST(LocalLog, what_was_proposed_is_there_after_a_restart) {
  LogRig rig(1);
  ASSERT_TRUE(rig.open());
  for (std::uint64_t i = 1; i <= 20; ++i) {
    const auto outcome = rig.propose(create_one("t" + std::to_string(i), i));
    ASSERT_TRUE(outcome) << outcome.error().message();
    ASSERT_EQ(outcome->index, Index(i));
    ASSERT_TRUE(outcome->items.at(0).ok());
  }
  const MetadataState before = rig.state->state;
  for (int starts = 0; starts < 3; ++starts) {
    rig.restart();
    const auto opened = rig.open();
    ASSERT_TRUE(opened) << opened.error().message();
    ASSERT_TRUE(rig.state->state == before);
    ASSERT_FALSE(rig.log->replayed().torn);
  }
  ASSERT_EQ(rig.propose(create_one("more", 99))->index, Index(21));
}

TEST(LocalLog, a_thousand_partitions_cost_one_sync) {
  LogRig rig(2);
  ASSERT_TRUE(rig.open());
  ASSERT_TRUE(rig.propose(create_one("first", 1)));  // this one makes the file
  const int before = rig.wrapped->syncs;
  ASSERT_TRUE(rig.propose(create_one("wide", 2, 1000)));
  EXPECT_EQ(rig.wrapped->syncs - before, 1);
  EXPECT_EQ(rig.state->state.image()->partition_count(), 1001);
}

TEST(LocalLog, a_hundred_and_twenty_eight_concurrent_proposals_share_groups) {
  LogRig rig(3);
  ASSERT_TRUE(rig.open());
  ASSERT_TRUE(rig.propose(create_one("first", 1000)));
  const int before = rig.state->batches;
  std::vector<std::optional<Result<Outcome>>> results(128);
  for (std::size_t i = 0; i < results.size(); ++i) rig.start(create_one("t" + std::to_string(i), i + 1), results[i]);
  ASSERT_TRUE(rig.world->run_until(
      [&] { return std::ranges::count_if(results, [](const auto& r) { return r.has_value(); }) == 128; }, 10s));
  std::set<Index> indices;
  for (const auto& result : results) {
    ASSERT_TRUE(*result && (*result)->items.at(0).ok());
    indices.insert((*result)->index);
  }
  EXPECT_EQ(indices.size(), 128U);
  EXPECT_LE(rig.state->batches - before, 4);
}

TEST(LocalLog, a_full_queue_refuses_by_name_at_the_deadline) {
  LogRig rig(4, {.stall = 60s, .queue_max = 4});
  ASSERT_TRUE(rig.open());
  ASSERT_TRUE(rig.propose(create_one("first", 1000)));
  rig.world->run_for(1s);
  rig.machine.disk_faults().stalled = true;
  std::vector<std::optional<Result<Outcome>>> results(10);
  for (std::size_t i = 0; i < results.size(); ++i) {
    rig.start(create_one("t" + std::to_string(i), i + 1), results[i], 2s);
    rig.world->run_for(1ms);
  }
  rig.world->run_for(3s);
  std::map<Errc, int> errors;
  for (const auto& result : results) {
    ASSERT_TRUE(result.has_value());  // nobody waits beyond the deadline
    ASSERT_FALSE(*result);
    ++errors[result->error().code];
  }
  EXPECT_EQ(errors[Errc::timed_out], 5);  // one being written, four queued
  EXPECT_EQ(errors[Errc::overloaded], 5);
  // What gave up in the queue is not written later; what was being written is.
  rig.machine.disk_faults().stalled = false;
  rig.machine.disk_faults_changed();
  ASSERT_TRUE(rig.propose(create_one("last", 2000)));
  EXPECT_EQ(rig.state->state.image()->topics().size(), 3U);
}

TEST(LocalLog, a_stall_fails_the_log_for_good_and_reads_go_on) {
  LogRig rig(5, {.stall = 2s});
  ASSERT_TRUE(rig.open());
  ASSERT_TRUE(rig.propose(create_one("t", 1)));
  rig.world->run_for(1s);
  rig.machine.disk_faults().stalled = true;
  const Instant begun = rig.context->now();
  const auto stalled = rig.propose(create_one("u", 2), 60s);
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().code, Errc::storage_failed);
  EXPECT_NE(stalled.error().detail.find("meta"), std::string::npos) << stalled.error().detail;
  EXPECT_LE(rig.context->now() - begun, Duration(2500ms));
  EXPECT_EQ(rig.log->health().error().code, Errc::storage_failed);
  EXPECT_TRUE(rig.state->state.image()->find("t"));
  // Sticky: at once, and also when the disk is back.
  rig.machine.disk_faults().stalled = false;
  rig.machine.disk_faults_changed();
  const Instant again = rig.context->now();
  EXPECT_EQ(rig.propose(create_one("v", 3)).error().code, Errc::storage_failed);
  EXPECT_LT(rig.context->now() - again, Duration(10ms));
  rig.world->run_for(1s);
  rig.end();
  ASSERT_TRUE(rig.open());  // the next start finds "t", and "u", which came through late
  EXPECT_TRUE(rig.state->state.image()->find("t"));
  EXPECT_TRUE(rig.propose(create_one("w", 4)));
}

TEST(LocalLog, failed_writes_and_syncs_are_sticky_and_fail_all_that_waits) {
  for (const bool sync : {false, true}) {
    LogRig rig(sync ? 6 : 7);
    ASSERT_TRUE(rig.open());
    ASSERT_TRUE(rig.propose(create_one("t", 1)));
    rig.world->run_for(1s);
    (sync ? rig.machine.disk_faults().fail_syncs : rig.machine.disk_faults().fail_writes) = true;
    std::vector<std::optional<Result<Outcome>>> results(8);
    for (std::size_t i = 0; i < results.size(); ++i) {
      rig.start(create_one("u" + std::to_string(i), 10 + i), results[i]);
      rig.world->run_for(20us);
    }
    rig.world->run_for(5s);
    for (const auto& result : results) {
      ASSERT_TRUE(result.has_value());
      ASSERT_FALSE(*result);
      EXPECT_EQ(result->error().code, Errc::storage_failed);
    }
    rig.machine.disk_faults() = {};
    EXPECT_EQ(rig.propose(create_one("v", 50)).error().code, Errc::storage_failed);
    EXPECT_EQ(rig.state->state.image()->topics().size(), 1U);
    rig.crash();
    const auto opened = rig.open();
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_TRUE(rig.state->state.image()->find("t"));
  }
}

TEST(LocalLog, a_full_disk_is_refused_by_name_and_left_again) {
  LogRig rig(8);
  ASSERT_TRUE(rig.open());
  ASSERT_TRUE(rig.propose(create_one("t", 1)));
  rig.world->run_for(1s);
  rig.machine.disk_faults().capacity = 0;
  std::uint64_t made = 1;
  Errc refused{};
  for (std::uint64_t i = 2; i < 200; ++i) {  // until the reserved space is used up
    const auto outcome = rig.propose(create_one("t" + std::to_string(i), i));
    if (outcome) {
      ++made;
      continue;
    }
    refused = outcome.error().code;
    break;
  }
  EXPECT_EQ(refused, Errc::disk_full);
  EXPECT_TRUE(rig.log->health());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(rig.propose(create_one("no", 900)).error().code, Errc::disk_full);
  EXPECT_EQ(rig.state->state.image()->topics().size(), made);
  rig.machine.disk_faults().capacity = 1ULL << 40;
  ASSERT_TRUE(rig.propose(create_one("again", 901)));
  const MetadataState before = rig.state->state;
  rig.crash();
  ASSERT_TRUE(rig.open());
  EXPECT_TRUE(rig.state->state == before);  // what was refused did not come back
}

TEST(LocalLog, a_write_that_failed_half_way_leaves_no_garbage_and_never_comes_back) {
  for (const NextWrite how : {NextWrite::half_and_full, NextWrite::whole_and_full}) {
    LogRig rig(13);
    ASSERT_TRUE(rig.open());
    ASSERT_TRUE(rig.propose(create_one("before", 1)));
    rig.wrapped->next_write = how;
    // Longer than a block, so that half of it is a torn group.
    AlterBrokerConfigs wide{BrokerId(1), false, {{"k", ConfigOperation::set, std::string(20'000, 'x')}}};
    EXPECT_EQ(rig.propose(std::move(wide)).error().code, Errc::disk_full);
    EXPECT_TRUE(rig.log->health());
    ASSERT_TRUE(rig.propose(create_one("after", 2)));
    EXPECT_EQ(names_in(rig).size(), 2U);  // the file with the failed write is not written again
    const MetadataState before = rig.state->state;
    rig.crash();
    const auto opened = rig.open();
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_TRUE(rig.state->state == before);
  }
}

TEST(LocalLog, it_opens_on_a_full_disk_and_reads) {
  LogRig rig(9);
  ASSERT_TRUE(rig.open());
  ASSERT_TRUE(rig.propose(create_one("t", 1)));
  rig.restart();
  rig.machine.disk_faults().capacity = 0;
  ASSERT_TRUE(rig.open());
  EXPECT_TRUE(rig.state->state.image()->find("t"));
  EXPECT_EQ(rig.propose(create_one("u", 2)).error().code, Errc::disk_full);
  EXPECT_EQ(names_in(rig).size(), 1U);  // no empty files are left behind
  rig.machine.disk_faults().capacity = 1ULL << 40;
  EXPECT_TRUE(rig.propose(create_one("u", 2)));
}

TEST(LocalLog, a_long_log_becomes_a_snapshot_and_a_tail) {
  LogRig rig(10, {.bytes_max = 64U << 10});
  ASSERT_TRUE(rig.open());
  RandomCommands commands(10);
  for (int i = 0; i < 300; ++i) {
    const auto outcome = rig.propose(commands.next());
    ASSERT_TRUE(outcome) << outcome.error().message();
  }
  EXPECT_LE(names_in(rig).size(), 3U);
  const MetadataState before = rig.state->state;
  rig.restart();
  const auto opened = rig.open();
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_TRUE(rig.state->state == before);
  EXPECT_LT(rig.state->applied.size(), 100U);  // only the tail was replayed
  EXPECT_LE(rig.log->replayed().bytes, 64U << 10);
}

TEST(LocalLog, many_starts_do_not_gather_files) {
  LogRig rig(11);
  for (std::uint64_t i = 1; i <= 30; ++i) {
    const auto opened = rig.open();
    ASSERT_TRUE(opened) << opened.error().message();
    ASSERT_TRUE(rig.propose(create_one("t" + std::to_string(i), i)));
    rig.restart();
  }
  ASSERT_TRUE(rig.open());
  EXPECT_EQ(rig.state->state.image()->topics().size(), 30U);
  EXPECT_LE(names_in(rig).size(), 2U);
}

TEST(LocalLog, a_snapshot_that_finds_the_disk_full_is_tried_again_later) {
  LogRig rig(12, {.bytes_max = 100U << 10});
  ASSERT_TRUE(rig.open());
  std::uint64_t i = 1;
  for (; i <= 5; ++i) ASSERT_TRUE(rig.propose(create_one("t" + std::to_string(i), i)));
  rig.world->run_for(1s);
  rig.machine.disk_faults().capacity = 0;  // the file has room for more groups, the snapshot has none
  for (; i <= 25; ++i) ASSERT_TRUE(rig.propose(create_one("t" + std::to_string(i), i)));
  EXPECT_TRUE(rig.log->health());
  rig.machine.disk_faults().capacity = 1ULL << 40;
  for (; i <= 300; ++i) ASSERT_TRUE(rig.propose(create_one("t" + std::to_string(i), i)));
  const auto names = names_in(rig);
  EXPECT_NE(std::ranges::find(names, std::string(kSnapshotName)), names.end());
  rig.restart();
  ASSERT_TRUE(rig.open());
  EXPECT_EQ(rig.state->state.image()->topics().size(), 300U);
}

}  // namespace
}  // namespace chronik::meta
