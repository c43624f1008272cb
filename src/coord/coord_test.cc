// The coordinator over a simulated disk: what was acknowledged survives, and what waits is answered.
#include <gtest/gtest.h>

#include <set>

#include "coord/test_coord_rig.h"

namespace chronik::coord {
namespace {

using enum wire::ErrorCode;

/// Joins, syncs, and reports what it got.
struct Membership {
  wire::JoinGroupResponse joined;
  wire::SyncGroupResponse synced;
};

task::Task<Membership> take_part(CoordRig& rig, std::string group, std::string member,
                                 std::optional<std::string> instance, std::int16_t version = 5) {
  Membership membership;
  const RequestContext context{"client", "/10.0.0.1", version, rig.in(kRebalanceWaitMax)};
  membership.joined = co_await rig.coordinator->join_group(rig.join_request(group, member, instance), context);
  if (membership.joined.error_code == member_id_required) {
    const std::string id = membership.joined.member_id;
    membership.joined = co_await rig.coordinator->join_group(rig.join_request(group, id), context);
  }
  if (membership.joined.error_code != none) co_return membership;
  membership.synced =
      co_await rig.coordinator->sync_group(CoordRig::sync_request(group, membership.joined, instance), context);
  co_return membership;
}

TEST(Coordinator, offsets_metadata_and_epochs_come_back_unchanged_also_after_a_crash) {
  CoordRig rig;
  EXPECT_EQ(rig.commit("g", {{"t", 0, 17, "note", 3}, {"t", 5, 0, ""}, {"u", 1, 9, "\xc3\xa9"}}), none);
  for (int round = 0; round < 3; ++round) {
    const auto found = rig.fetch("g");
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found.at("t-0").committed_offset, Offset(17));
    EXPECT_EQ(found.at("t-0").metadata, "note");
    EXPECT_EQ(found.at("t-0").committed_leader_epoch, LeaderEpoch(3));
    EXPECT_EQ(found.at("t-5").committed_leader_epoch, LeaderEpoch(-1));
    EXPECT_EQ(found.at("u-1").metadata, "\xc3\xa9");
    if (round == 1) ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
    rig.restart();
  }
  EXPECT_EQ(rig.state_of("g"), "Empty");
}

TEST(Coordinator, an_offset_is_visible_only_when_durable) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 1}}), none);
  rig.machine.disk_faults().stalled = true;
  const auto pending = rig.start(rig.committing("g", {{"t", 0, 2}}));
  rig.pass(100ms);
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(1));
  rig.machine.disk_faults().stalled = false;
  rig.machine.disk_faults_changed();
  EXPECT_EQ(rig.wait(pending).topics[0].partitions[0].error_code, none);
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(2));
}

// lesson: a node froze, the disk stalled
TEST(Coordinator, on_a_stalled_disk_commits_fail_by_their_deadline_and_heartbeats_go_on) {
  CoordRig rig;
  const Membership member = rig.run(take_part(rig, "g", "", std::nullopt));
  ASSERT_EQ(member.synced.error_code, none);
  const std::string id = member.joined.member_id;
  rig.machine.disk_faults().stalled = true;
  const Instant before = rig.world->now();
  const auto commit = rig.start(
      rig.coordinator->offset_commit(CoordRig::commit_request("g", {{"t", 0, 5}}, 1, id), rig.context_of(8, 700ms)));
  const auto slow =
      rig.start(rig.coordinator->offset_commit(CoordRig::commit_request("g", {{"t", 1, 5}}, 1, id), rig.context_of(8)));
  EXPECT_EQ(rig.wait(commit).topics[0].partitions[0].error_code, coordinator_not_available);
  EXPECT_LE(rig.world->now() - before, 701ms);
  EXPECT_EQ(rig.wait(slow).topics[0].partitions[0].error_code, coordinator_not_available);
  EXPECT_LE(rig.world->now() - before, 5001ms);
  EXPECT_EQ(rig.heartbeat("g", id, 1), none);
  for (int i = 0; i < 6; ++i) {
    rig.pass(5s);
    EXPECT_EQ(rig.heartbeat("g", id, 1), none);
  }
  // By now the log has given up on the disk: that is a different error, and heartbeats do not care.
  EXPECT_EQ(rig.run(rig.committing("h", {{"t", 0, 5}})).topics[0].partitions[0].error_code, not_coordinator);
  EXPECT_EQ(rig.heartbeat("g", id, 1), none);
}

TEST(Coordinator, a_commit_that_outlived_its_request_still_counts) {
  CoordRig rig;
  rig.machine.disk_faults().stalled = true;
  const auto commit = rig.start(rig.committing("g", {{"t", 0, 5}}, 100ms));
  EXPECT_EQ(rig.wait(commit).topics[0].partitions[0].error_code, coordinator_not_available);
  rig.machine.disk_faults().stalled = false;
  rig.machine.disk_faults_changed();
  rig.pass(100ms);
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(5));
}

// lesson: failures at 128 producers
TEST(Coordinator, members_128_join_one_group) {
  CoordRig rig;
  std::vector<std::shared_ptr<std::optional<Membership>>> members;
  for (int i = 0; i < 128; ++i) {
    const bool is_static = i % 4 == 0;
    const auto instance = is_static ? std::optional("i" + std::to_string(i)) : std::nullopt;
    members.push_back(rig.start(take_part(rig, "g", "", instance)));
    rig.pass(20ms);
  }
  std::set<std::string> assignments;
  int leaders = 0;
  for (const auto& member : members) {
    const Membership got = rig.wait(member);
    ASSERT_EQ(got.joined.error_code, none);
    ASSERT_EQ(got.synced.error_code, none);
    EXPECT_EQ(got.joined.generation_id, 1);
    leaders += got.joined.members.size() == 128 ? 1 : 0;
    assignments.emplace(as_text(got.synced.assignment.span()));
    EXPECT_EQ(as_text(got.synced.assignment.span()), "to " + got.joined.member_id);
  }
  EXPECT_EQ(assignments.size(), 128U);
  EXPECT_EQ(leaders, 1);
  EXPECT_EQ(rig.state_of("g"), "Stable");
  rig.coordinator->check_invariants();
  rig.restart();
  EXPECT_EQ(rig.state_of("g"), "Stable");
  rig.pass(11s);  // nobody came back
  EXPECT_EQ(rig.state_of("g"), "Empty");
}

TEST(Coordinator, static_members_keep_their_assignment_across_a_restart_of_the_coordinator) {
  CoordRig rig;
  const auto a = rig.start(take_part(rig, "g", "", "a"));
  const auto b = rig.start(take_part(rig, "g", "", "b"));
  const Membership first = rig.wait(a);
  const Membership second = rig.wait(b);
  ASSERT_EQ(second.synced.error_code, none);
  rig.restart();
  // One member goes on as if nothing had happened, the other restarts too.
  EXPECT_EQ(rig.heartbeat("g", first.joined.member_id, 1, "a"), none);
  const Membership back = rig.run(take_part(rig, "g", "", "b", 9));
  ASSERT_EQ(back.synced.error_code, none);
  EXPECT_EQ(back.joined.generation_id, 1);
  EXPECT_NE(back.joined.member_id, second.joined.member_id);
  EXPECT_EQ(as_text(back.synced.assignment.span()), as_text(second.synced.assignment.span()));
  rig.restart();
  EXPECT_EQ(rig.heartbeat("g", second.joined.member_id, 1, "b"), fenced_instance_id);
  EXPECT_EQ(rig.heartbeat("g", back.joined.member_id, 1, "b"), none);
}

TEST(Coordinator, a_join_waits_no_longer_than_its_deadline) {
  CoordRig rig;
  auto context = rig.context_of(3, 500ms);
  const Instant before = rig.world->now();
  const auto answer = rig.run(rig.coordinator->join_group(rig.join_request("g"), context));
  EXPECT_EQ(answer.error_code, rebalance_in_progress);
  EXPECT_LE(rig.world->now() - before, 501ms);
  rig.pass(4s);  // the group goes on without the answer having been heard
  EXPECT_EQ(rig.state_of("g"), "CompletingRebalance");
}

TEST(Coordinator, losing_a_partition_answers_those_who_wait_in_it) {
  CoordRig rig;
  const auto waiting = rig.start(take_part(rig, "g", "", std::nullopt));
  rig.pass(1s);
  rig.coordinator->disown(offsets_partition("g", CoordRig::kPartitions));
  EXPECT_EQ(rig.wait(waiting, 1ms).joined.error_code, not_coordinator);
  EXPECT_EQ(rig.commit("g", {{"t", 0, 1}}), not_coordinator);
}

TEST(Coordinator, closing_answers_those_who_wait) {
  CoordRig rig;
  const auto waiting = rig.start(take_part(rig, "g", "", std::nullopt));
  rig.pass(1s);
  const auto closed = rig.start([](CoordRig& r) -> task::Task<bool> {
    co_await r.coordinator->close(r.in(1s));
    co_return true;
  }(rig));
  EXPECT_TRUE(rig.wait(closed));
  EXPECT_EQ(rig.wait(waiting).joined.error_code, not_coordinator);
  EXPECT_EQ(rig.commit("g", {{"t", 0, 1}}), not_coordinator);
  rig.coordinator.reset();
  rig.pass(1s);
}

TEST(Coordinator, while_loading_members_are_not_missed_and_others_are_told) {
  CoordRig rig;
  const Membership member = rig.run(take_part(rig, "g", "", std::nullopt));
  ASSERT_EQ(member.synced.error_code, none);
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));  // loading takes reads
  rig.crash();
  ASSERT_TRUE(rig.open(false));
  const std::string& id = member.joined.member_id;
  EXPECT_EQ(rig.heartbeat("g", id, 1), none);
  EXPECT_EQ(rig.commit("g", {{"t", 0, 1}}), coordinator_load_in_progress);
  ASSERT_TRUE(rig.world->run_until([&] { return rig.loaded(); }, 10s));
  EXPECT_EQ(rig.heartbeat("g", id, 1), none);
  EXPECT_EQ(rig.heartbeat("g", "other", 1), unknown_member_id);
}

TEST(Coordinator, an_unreadable_partition_is_not_served_with_half_its_groups) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 1}}), none);
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  rig.crash();
  ASSERT_TRUE(rig.open(false));
  rig.machine.disk_faults().fail_reads = true;
  ASSERT_TRUE(rig.world->run_until([&] { return rig.loaded(); }, 60s));
  wire::OffsetFetchRequest request;
  request.groups.emplace_back().group_id = "g";
  const auto answer = rig.coordinator->offset_fetch(request, rig.context_of(8));
  EXPECT_EQ(answer.groups[0].error_code, not_coordinator);
}

TEST(Coordinator, an_idle_coordinator_has_no_timer) {
  GroupConfig config;
  config.offsets_retention_ms = 1;
  CoordRig rig(1, config);
  ASSERT_EQ(rig.commit("g", {{"t", 0, 1}}), none);
  rig.pass(25min);
  EXPECT_EQ(rig.state_of("g"), "Dead");  // expired
  for (const auto& row : rig.context().in_flight()) EXPECT_FALSE(row.what.starts_with("coord.")) << row.what;
}

TEST(Coordinator, memory_is_bounded) {
  GroupConfig config;
  config.memory_bytes_max = 20'000;
  CoordRig rig(1, config);
  int accepted = 0;
  for (int i = 0; i < 200; ++i) {
    const auto code = rig.commit("g" + std::to_string(i), {{"t", 0, i, std::string(100, 'x')}});
    if (code == none) ++accepted;
    if (code != none) EXPECT_EQ(code, coordinator_not_available);
  }
  EXPECT_GT(accepted, 5);
  EXPECT_LT(accepted, 60);
  // A group that is there already cannot grow without bound either.
  auto last = none;
  for (std::int32_t partition = 1; partition < 64 && last == none; ++partition) {
    last = rig.commit("g0", {{"t", partition, 7, std::string(100, 'x')}});
  }
  EXPECT_EQ(last, coordinator_not_available);
}

}  // namespace
}  // namespace chronik::coord
