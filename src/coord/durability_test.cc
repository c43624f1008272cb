// What was acknowledged survives a power cut at any moment; expiry and tombstones; old records.
#include <gtest/gtest.h>

#include "base/prng.h"
#include "coord/group_store.h"
#include "coord/test_coord_rig.h"

namespace chronik::coord {
namespace {

using enum wire::ErrorCode;

/// Commits 1, 2, 3, ... for one partition of one group and notes what was acknowledged.
struct Committer {
  std::string group;
  std::int32_t partition = 0;
  std::int64_t tried = 0;
  std::int64_t acked = 0;
};

task::Task<void> commit_on(CoordRig& rig, std::shared_ptr<Committer> committer) {
  for (;;) {
    const std::int64_t next = ++committer->tried;
    const Commit commit{"t", committer->partition, next, "note " + std::to_string(next)};
    const auto answer = co_await rig.committing(committer->group, {commit}, 2s);
    if (answer.topics[0].partitions[0].error_code == none) committer->acked = next;
    if (answer.topics[0].partitions[0].error_code == not_coordinator) co_return;
  }
}

TEST(Durability, acked_offsets_survive_a_crash_at_any_point) {
  for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CoordRig rig(seed);
    Prng prng(seed);
    std::vector<std::shared_ptr<Committer>> committers;
    for (int i = 0; i < 12; ++i) {
      committers.push_back(std::make_shared<Committer>(Committer{"g" + std::to_string(i % 5), i}));
    }
    for (int round = 0; round < 3; ++round) {
      for (const auto& committer : committers) rig.context().spawn("commit", commit_on(rig, committer));
      rig.pass(std::chrono::microseconds(prng.below(30'000)));
      if (prng.chance(1, 3)) {
        (void)rig.start(rig.log->flush_all(rig.in(10s)));
        rig.pass(std::chrono::microseconds(prng.below(3'000)));
      }
      rig.restart();
      for (const auto& committer : committers) {
        const auto found = rig.fetch(committer->group);
        const auto at = found.find("t-" + std::to_string(committer->partition));
        const std::int64_t offset = at == found.end() ? 0 : at->second.committed_offset.value();
        EXPECT_GE(offset, committer->acked);
        EXPECT_LE(offset, committer->tried);
        if (offset > 0) EXPECT_EQ(at->second.metadata, "note " + std::to_string(offset));
        committer->acked = committer->tried = std::max(offset, committer->acked);
      }
    }
  }
}

TEST(Durability, of_two_commits_in_flight_the_later_one_wins) {
  CoordRig rig;
  std::vector<std::shared_ptr<std::optional<wire::OffsetCommitResponse>>> answers;
  for (std::int64_t i = 1; i <= 50; ++i) answers.push_back(rig.start(rig.committing("g", {{"t", 0, i}})));
  std::int64_t last = 0;
  rig.world->run_until(
      [&] {
        const auto found = rig.fetch("g");
        const std::int64_t now = found.empty() ? 0 : found.at("t-0").committed_offset.value();
        EXPECT_GE(now, last);
        last = now;
        return last == 50;
      },
      10s);
  for (const auto& answer : answers) EXPECT_EQ(rig.wait(answer).topics[0].partitions[0].error_code, none);
  rig.restart();
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(50));
}

TEST(Durability, offsets_of_simple_groups_expire_by_their_own_commit) {
  GroupConfig config;
  config.offsets_retention_ms = 3'600'000;
  CoordRig rig(1, config);
  ASSERT_EQ(rig.commit("g", {{"t", 0, 1}}), none);
  rig.pass(40min);
  ASSERT_EQ(rig.commit("g", {{"t", 1, 1}}), none);
  rig.pass(31min);
  EXPECT_FALSE(rig.fetch("g").contains("t-0"));
  EXPECT_TRUE(rig.fetch("g").contains("t-1"));
  rig.pass(60min);
  EXPECT_EQ(rig.state_of("g"), "Dead");
  rig.restart();
  EXPECT_EQ(rig.state_of("g"), "Dead");
}

TEST(Durability, a_commit_may_say_itself_how_long_it_is_kept) {
  CoordRig rig;
  auto request = CoordRig::commit_request("g", {{"t", 0, 1}});
  request.retention_time_ms = 60'000;
  EXPECT_EQ(rig.run(rig.coordinator->offset_commit(request, rig.context_of(4))).topics[0].partitions[0].error_code,
            none);
  rig.restart();
  EXPECT_TRUE(rig.fetch("g").contains("t-0"));
  rig.pass(11min);
  EXPECT_TRUE(rig.fetch("g").empty());
}

// KIP-211
TEST(Durability, offsets_of_a_group_with_members_are_kept_until_it_was_empty_for_so_long) {
  GroupConfig config;
  config.offsets_retention_ms = 3'600'000;
  config.max_session_timeout_ms = config.min_session_timeout_ms = 1'800'000;
  CoordRig rig(1, config);
  auto request = rig.join_request("g");
  request.session_timeout_ms = 1'800'000;
  const auto joined = rig.run(rig.coordinator->join_group(request, rig.context_of(3)));
  rig.run(rig.coordinator->sync_group(CoordRig::sync_request("g", joined), rig.context_of(5)));
  const auto commit = CoordRig::commit_request("g", {{"t", 0, 1}}, 1, joined.member_id);
  ASSERT_EQ(rig.run(rig.coordinator->offset_commit(commit, rig.context_of(8))).topics[0].partitions[0].error_code,
            none);
  for (int i = 0; i < 10; ++i) {
    rig.pass(25min);
    ASSERT_EQ(rig.heartbeat("g", joined.member_id, 1), none);
  }
  EXPECT_TRUE(rig.fetch("g").contains("t-0"));
  rig.pass(31min);
  EXPECT_EQ(rig.state_of("g"), "Empty");
  rig.restart();  // since when it is empty is part of its record
  rig.pass(50min);
  EXPECT_TRUE(rig.fetch("g").contains("t-0"));
  rig.pass(20min);
  EXPECT_TRUE(rig.fetch("g").empty());
  EXPECT_EQ(rig.state_of("g"), "Dead");
}

TEST(Durability, offsets_of_deleted_topics_go_and_do_not_come_back) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 1}, {"u", 0, 2}}), none);
  ASSERT_EQ(rig.commit("h", {{"u", 0, 3}}), none);
  rig.topics.topics.erase("u");
  rig.coordinator->topics_changed();
  rig.pass(1s);
  EXPECT_EQ(rig.fetch("g").size(), 1U);
  EXPECT_EQ(rig.state_of("h"), "Dead");  // nothing left of it
  rig.topics.add("u", 3, 64);
  rig.restart();
  EXPECT_EQ(rig.fetch("g").size(), 1U);
  EXPECT_TRUE(rig.fetch("h").empty());
}

TEST(Durability, topics_deleted_while_the_broker_was_down_are_noticed) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 1}, {"u", 0, 2}}), none);
  rig.topics.topics.erase("u");
  rig.restart();
  rig.pass(1s);
  rig.topics.add("u", 3, 64);
  EXPECT_EQ(rig.fetch("g").size(), 1U);
}

TEST(Durability, many_offsets_are_deleted_in_several_batches) {
  CoordRig rig;
  rig.topics.add("wide", 9, 5000);
  for (int batch = 0; batch < 5; ++batch) {
    std::vector<Commit> commits;
    for (int i = 0; i < 500; ++i) commits.push_back({"wide", batch * 500 + i, i});
    ASSERT_EQ(rig.commit("g", commits), none);
  }
  EXPECT_EQ(rig.fetch("g").size(), 2500U);
  wire::DeleteGroupsRequest request;
  request.groups_names = {"g"};
  EXPECT_EQ(rig.run(rig.coordinator->delete_groups(request, rig.context_of(2))).results[0].error_code, none);
  rig.restart();
  EXPECT_TRUE(rig.fetch("g").empty());
}

TEST(Durability, records_that_are_not_understood_are_passed_over_and_counted) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 1}}), none);
  const auto home = offsets_partition("g", CoordRig::kPartitions);
  const auto bytes = [](std::string_view text) { return Buffer::copy_of(as_bytes(text)); };
  const std::vector<Record> strange = {
      {bytes(std::string_view("\0\x09what is this", 14)), bytes("x")},
      {bytes(""), bytes("x")},
      {offset_tombstone("g", "t", PartitionIndex(0)).value().key, bytes(std::string_view("\0\x63zzz", 5))},
      {group_tombstone("g").value().key, bytes(std::string_view("\0\x03", 2))},
  };
  const auto batch = make_batch(strange, rig.context().wall_now()).value();
  const auto log = rig.log->find({topic_id(1), home});
  auto appended = log->append_internal(batch.span());
  ASSERT_TRUE(appended);
  ASSERT_TRUE(rig.run(rig.log->wal().committed(appended->commit, rig.in(5s))));
  rig.restart();
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(1));
  double skipped = 0;
  for (const auto& sample : rig.context().metrics().snapshot()) {
    if (sample.name == "chronik_group_records_skipped_total") skipped = sample.value;
  }
  EXPECT_EQ(skipped, 4);
}

TEST(Durability, loading_reads_a_large_partition_in_pieces) {
  GroupConfig config;
  config.load_bytes = 4096;
  CoordRig rig(1, config);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(rig.commit("g" + std::to_string(i % 7), {{"t", i % 64, i, std::string(50, 'x')}}), none);
    if (i % 100 == 50) ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  }
  std::map<std::string, std::int64_t> before;
  for (int g = 0; g < 7; ++g) {
    for (const auto& [name, answer] : rig.fetch("g" + std::to_string(g))) {
      before[std::to_string(g) + name] = answer.committed_offset.value();
    }
  }
  rig.restart();
  for (int g = 0; g < 7; ++g) {
    for (const auto& [name, answer] : rig.fetch("g" + std::to_string(g))) {
      EXPECT_EQ(before[std::to_string(g) + name], answer.committed_offset.value());
      before.erase(std::to_string(g) + name);
    }
  }
  EXPECT_TRUE(before.empty());
}

}  // namespace
}  // namespace chronik::coord
