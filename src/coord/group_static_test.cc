// Static membership (KIP-345, KIP-814): coming back without a rebalance, and fencing.
#include <gtest/gtest.h>

#include "coord/test_group_rig.h"

namespace chronik::coord {
namespace {

using enum ErrorCode;
using State = GroupState;

Join member_of(const std::string& instance, std::int16_t version = 5) {
  Join who;
  who.instance = instance;
  who.version = version;
  return who;
}

TEST(StaticGroup, members_need_no_second_round) {
  GroupRig rig;
  const Ticket ticket = rig.join(member_of("i"));
  rig.pass(3s);
  ASSERT_EQ(rig.join_code(ticket), none);
  EXPECT_EQ(rig.joins.at(ticket).member_id, "i-1");
  EXPECT_EQ(rig.joins.at(ticket).members[0].group_instance_id, "i");
}

TEST(StaticGroup, a_follower_that_restarts_keeps_its_assignment) {
  GroupRig rig;
  const auto ids = rig.stabilize({member_of("a"), member_of("b")});
  const Ticket back = rig.join(member_of("b"));
  EXPECT_FALSE(rig.joined(back));  // its new id is written first
  ASSERT_EQ(rig.written.size(), 1U);
  EXPECT_EQ(rig.written[0].value.members.size(), 2U);
  rig.settle();
  ASSERT_EQ(rig.join_code(back), none);
  const auto& answer = rig.joins.at(back);
  EXPECT_EQ(answer.generation_id, 1);
  EXPECT_NE(answer.member_id, ids[1]);
  EXPECT_EQ(answer.leader, ids[0]);
  EXPECT_FALSE(answer.skip_assignment);
  EXPECT_TRUE(answer.members.empty());
  const Ticket synced = rig.sync(answer.member_id, 1, {}, "b");
  EXPECT_EQ(text_of(rig.syncs.at(synced).assignment), "to " + ids[1]);
  // Whoever still uses the old id is fenced.
  EXPECT_EQ(rig.heartbeat(ids[1], 1, "b"), fenced_instance_id);
  EXPECT_EQ(rig.heartbeat(ids[1], 1), unknown_member_id);
  EXPECT_EQ(rig.heartbeat(answer.member_id, 1, "b"), none);
  Join old = member_of("b");
  old.member = ids[1];
  EXPECT_EQ(rig.join_code(rig.join(old)), fenced_instance_id);
}

TEST(StaticGroup, a_leader_that_restarts_skips_the_assignment_if_it_understands) {
  for (const std::int16_t version : {std::int16_t{8}, std::int16_t{9}}) {
    GroupRig rig;
    const auto ids = rig.stabilize({member_of("a"), member_of("b")});
    const Ticket back = rig.join(member_of("a", version));
    rig.settle();
    ASSERT_EQ(rig.join_code(back), none);
    const auto& answer = rig.joins.at(back);
    EXPECT_EQ(answer.generation_id, 1);
    EXPECT_EQ(answer.skip_assignment, version == 9);
    EXPECT_EQ(answer.leader, version == 9 ? answer.member_id : ids[0]);
    EXPECT_EQ(answer.members.size(), version == 9 ? 2U : 0U);
    EXPECT_EQ(rig.group.leader(), answer.member_id);
    EXPECT_EQ(rig.group.state(), State::stable);
  }
}

TEST(StaticGroup, a_new_id_that_could_not_be_written_is_taken_back) {
  GroupRig rig;
  const auto ids = rig.stabilize({member_of("a"), member_of("b")});
  Join changed = member_of("b");
  changed.protocols = {{"range", "other"}};
  const Ticket back = rig.join(changed);
  rig.settle(coordinator_not_available);
  EXPECT_EQ(rig.join_code(back), coordinator_not_available);
  EXPECT_EQ(rig.joins.at(back).member_id, "");
  EXPECT_EQ(rig.heartbeat(ids[1], 1, "b"), none);
  EXPECT_EQ(text_of(rig.group.members().at(ids[1]).metadata("range")), "r");
  EXPECT_EQ(rig.group.state(), State::stable);
}

TEST(StaticGroup, a_restart_that_changes_the_protocol_rebalances) {
  GroupRig rig;
  Join both = member_of("a");
  both.protocols = {{"range", ""}, {"sticky", ""}};
  Join same = both;
  same.instance = "b";
  const auto ids = rig.stabilize({both, same});
  ASSERT_EQ(rig.group.protocol(), "range");
  same.protocols = {{"sticky", ""}};
  const Ticket back = rig.join(same);
  EXPECT_EQ(rig.group.state(), State::preparing_rebalance);
  EXPECT_FALSE(rig.joined(back));
  both.member = ids[0];
  rig.join(both);
  EXPECT_EQ(rig.join_code(back), none);
  EXPECT_EQ(rig.group.protocol(), "sticky");
}

TEST(StaticGroup, a_restart_while_assignments_are_made_rebalances) {
  GroupRig rig;
  const Ticket a = rig.join(member_of("a"));
  const Ticket b = rig.join(member_of("b"));
  rig.pass(6s);
  const Ticket waiting = rig.sync(rig.joins.at(b).member_id, 1, {}, "b");
  const Ticket back = rig.join(member_of("b"));
  EXPECT_EQ(rig.sync_code(waiting), fenced_instance_id);
  EXPECT_EQ(rig.group.state(), State::preparing_rebalance);
  Join again = member_of("a");
  again.member = rig.joins.at(a).member_id;
  rig.join(again);
  EXPECT_EQ(rig.joins.at(back).generation_id, 2);
}

TEST(StaticGroup, a_second_bearer_fences_the_first_while_it_waits) {
  GroupRig rig;
  const Ticket first = rig.join(member_of("a"));
  const Ticket second = rig.join(member_of("a"));
  EXPECT_EQ(rig.join_code(first), fenced_instance_id);
  rig.pass(3s);
  EXPECT_EQ(rig.join_code(second), none);
  EXPECT_EQ(rig.group.members().size(), 1U);
}

TEST(StaticGroup, a_newcomer_overtakes_a_return_that_is_being_written) {
  for (const ErrorCode outcome : {none, not_coordinator}) {
    GroupRig rig;
    const auto ids = rig.stabilize({member_of("a"), member_of("b")});
    const Ticket back = rig.join(member_of("b"));
    const Ticket newcomer = rig.join({});
    Join again = member_of("a");
    again.member = ids[0];
    rig.join(again);
    EXPECT_EQ(rig.joins.at(back).generation_id, 2);
    EXPECT_EQ(rig.joins.at(newcomer).generation_id, 2);
    rig.settle(outcome);  // of the write in generation 1
    EXPECT_EQ(rig.group.members().size(), 3U);
    EXPECT_FALSE(rig.group.members().contains(ids[1]));
  }
}

TEST(StaticGroup, a_member_that_is_away_keeps_its_place_for_its_session) {
  GroupRig rig;
  const auto ids = rig.stabilize({member_of("a"), member_of("b")});
  rig.pass(9s);
  EXPECT_EQ(rig.heartbeat(ids[0], 1, "a"), none);
  EXPECT_EQ(rig.group.state(), State::stable);
  rig.pass(1s);
  EXPECT_EQ(rig.group.state(), State::preparing_rebalance);
  EXPECT_EQ(rig.join_code(rig.join({.member = ids[1], .instance = "b", .version = 5})), unknown_member_id);
}

}  // namespace
}  // namespace chronik::coord
