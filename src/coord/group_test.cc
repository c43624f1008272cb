// The rules of a rebalance, one by one.
#include <gtest/gtest.h>

#include "coord/test_group_rig.h"

namespace chronik::coord {
namespace {

using enum ErrorCode;
using State = GroupState;

TEST(Group, a_first_member_waits_for_the_initial_delay_and_then_leads) {
  GroupRig rig;
  const Ticket ticket = rig.join({});
  EXPECT_EQ(rig.group.state(), State::preparing_rebalance);
  rig.pass(2999ms);
  EXPECT_FALSE(rig.joined(ticket));
  rig.pass(1ms);
  ASSERT_EQ(rig.join_code(ticket), none);
  const auto& answer = rig.joins.at(ticket);
  EXPECT_EQ(answer.generation_id, 1);
  EXPECT_EQ(answer.leader, answer.member_id);
  EXPECT_EQ(answer.member_id, "client-1");
  EXPECT_EQ(answer.protocol_name, "range");
  EXPECT_EQ(answer.protocol_type, "consumer");
  ASSERT_EQ(answer.members.size(), 1U);
  EXPECT_EQ(text_of(answer.members[0].metadata), "r");
  EXPECT_EQ(rig.group.state(), State::completing_rebalance);
}

TEST(Group, newcomers_extend_the_initial_delay_up_to_the_rebalance_timeout) {
  GroupRig rig;
  const Ticket first = rig.join({.rebalance_ms = 7000});
  std::vector<Ticket> others;
  for (int i = 0; i < 6; ++i) {
    rig.pass(1000ms);
    if (rig.joined(first)) break;
    others.push_back(rig.join({.rebalance_ms = 7000}));
  }
  EXPECT_FALSE(rig.joined(first));  // 6 s: extended at 3 s, 6 s
  rig.pass(999ms);
  EXPECT_FALSE(rig.joined(first));
  rig.pass(1ms);
  EXPECT_EQ(rig.join_code(first), none);
  for (const Ticket other : others) EXPECT_EQ(rig.join_code(other), none);
  EXPECT_EQ(rig.joins.at(first).members.size(), 7U);
  EXPECT_TRUE(rig.joins.at(others[0]).members.empty());  // only the leader learns the members
}

TEST(Group, without_newcomers_the_initial_delay_is_not_extended) {
  GroupRig rig;
  const Ticket a = rig.join({});
  rig.pass(1s);
  const Ticket b = rig.join({});
  rig.pass(2s);
  EXPECT_FALSE(rig.joined(a));  // one extension for b
  rig.pass(3s);
  EXPECT_EQ(rig.join_code(a), none);
  EXPECT_EQ(rig.join_code(b), none);
}

// KIP-394
TEST(Group, dynamic_members_must_come_back_with_their_id_from_version_4_on) {
  GroupRig rig;
  const Ticket first = rig.join({.version = 4});
  ASSERT_EQ(rig.join_code(first), member_id_required);
  const std::string id = rig.joins.at(first).member_id;
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(rig.group.state(), State::empty);
  const Ticket second = rig.join({.member = id, .version = 4});
  rig.pass(3s);
  EXPECT_EQ(rig.join_code(second), none);
  EXPECT_EQ(rig.joins.at(second).member_id, id);
}

TEST(Group, an_id_given_out_and_not_used_expires_with_the_session) {
  GroupRig rig;
  const Ticket first = rig.join({.version = 4});
  const std::string id = rig.joins.at(first).member_id;
  rig.pass(10s);
  EXPECT_TRUE(rig.group.vacant());
  EXPECT_EQ(rig.join_code(rig.join({.member = id, .version = 4})), unknown_member_id);
}

TEST(Group, a_rebalance_waits_for_ids_given_out) {
  GroupRig rig;
  const auto ids = rig.stabilize({{}});
  const Ticket asked = rig.join({.version = 5});
  ASSERT_EQ(rig.join_code(asked), member_id_required);
  const Ticket again = rig.join({.member = ids[0]});  // the leader: a rebalance
  EXPECT_FALSE(rig.joined(again));
  rig.join({.member = rig.joins.at(asked).member_id, .version = 5});
  EXPECT_EQ(rig.join_code(again), none);
  EXPECT_EQ(rig.joins.at(again).members.size(), 2U);
}

TEST(Group, every_member_gets_its_assignment_once_it_is_written) {
  GroupRig rig;
  const Ticket a = rig.join({});
  const Ticket b = rig.join({});
  rig.pass(6s);
  const std::string leader = rig.joins.at(a).member_id;
  const std::string follower = rig.joins.at(b).member_id;
  const Ticket early = rig.sync(follower, 1);
  const Ticket led = rig.sync(leader, 1, {{leader, "0"}, {follower, "1"}, {"stranger", "2"}});
  EXPECT_FALSE(rig.syncs.contains(early) || rig.syncs.contains(led));
  ASSERT_EQ(rig.written.size(), 1U);
  EXPECT_EQ(rig.written[0].value.members.size(), 2U);
  EXPECT_EQ(text_of(rig.written[0].value.members[0].assignment), "0");
  rig.settle();
  EXPECT_EQ(rig.group.state(), State::stable);
  EXPECT_EQ(text_of(rig.syncs.at(early).assignment), "1");
  EXPECT_EQ(text_of(rig.syncs.at(led).assignment), "0");
  EXPECT_EQ(rig.syncs.at(led).protocol_name, "range");
  const Ticket again = rig.sync(follower, 1);
  EXPECT_EQ(text_of(rig.syncs.at(again).assignment), "1");
}

TEST(Group, a_member_the_leader_left_out_gets_nothing) {
  GroupRig rig;
  const Ticket a = rig.join({});
  const Ticket b = rig.join({});
  rig.pass(6s);
  const Ticket follower = rig.sync(rig.joins.at(b).member_id, 1);
  rig.sync(rig.joins.at(a).member_id, 1, {});
  rig.settle();
  EXPECT_EQ(rig.sync_code(follower), none);
  EXPECT_TRUE(rig.syncs.at(follower).assignment.empty());
}

TEST(Group, assignments_that_could_not_be_written_fail_and_rebalance) {
  GroupRig rig;
  const Ticket a = rig.join({});
  rig.pass(3s);
  const Ticket synced = rig.sync(rig.joins.at(a).member_id, 1, {});
  rig.settle(not_coordinator);
  EXPECT_EQ(rig.sync_code(synced), not_coordinator);
  EXPECT_EQ(rig.group.state(), State::preparing_rebalance);
}

TEST(Group, an_outcome_that_comes_after_the_next_rebalance_changes_nothing) {
  GroupRig rig;
  const Ticket a = rig.join({});
  rig.pass(3s);
  const std::string id = rig.joins.at(a).member_id;
  const Ticket synced = rig.sync(id, 1, {{id, "old"}});
  rig.join({.member = id, .protocols = {{"range", "changed"}}});
  EXPECT_EQ(rig.sync_code(synced), rebalance_in_progress);
  EXPECT_EQ(rig.group.generation(), 2);
  rig.settle();
  EXPECT_EQ(rig.group.state(), State::completing_rebalance);
  EXPECT_TRUE(rig.group.members().at(id).assignment.empty());
}

struct Choice {
  const char* name;
  std::vector<std::vector<std::string>> preferences;
  std::string chosen;
};

TEST(Group, the_protocol_is_chosen_by_votes_among_those_that_all_support) {
  const std::vector<Choice> choices = {
      {"the only one", {{"range"}, {"range"}}, "range"},
      {"the majority's first", {{"sticky", "range"}, {"range", "sticky"}, {"sticky", "range"}}, "sticky"},
      {"not what one lacks", {{"sticky", "range"}, {"sticky", "range"}, {"range"}}, "range"},
      {"votes go to the first that all support", {{"x", "b", "a"}, {"b", "a"}, {"a", "b"}}, "b"},
  };
  for (const Choice& choice : choices) {
    GroupRig rig;
    for (const auto& preferences : choice.preferences) {
      Join who;
      who.protocols.clear();
      for (const std::string& name : preferences) who.protocols.emplace_back(name, "");
      rig.join(who);
    }
    rig.pass(6s);
    EXPECT_EQ(rig.group.protocol(), choice.chosen) << choice.name;
  }
}

TEST(Group, members_must_agree_on_type_and_on_one_protocol) {
  struct Row {
    Join who;
    ErrorCode code;
  };
  const std::vector<Row> rows = {
      {{.protocols = {}}, inconsistent_group_protocol},
      {{.type = ""}, inconsistent_group_protocol},
      {{.type = "connect"}, inconsistent_group_protocol},
      {{.protocols = {{"other", ""}}}, inconsistent_group_protocol},
      {{.protocols = {{"other", ""}, {"range", ""}}}, unknown_server_error},  // accepted, and waits
  };
  for (const Row& row : rows) {
    GroupRig rig;
    rig.stabilize({{}});
    EXPECT_EQ(rig.join_code(rig.join(row.who)), row.code) << row.who.type;
  }
  GroupRig fresh;
  EXPECT_EQ(fresh.join_code(fresh.join({.protocols = {}})), inconsistent_group_protocol);
  EXPECT_EQ(fresh.join_code(fresh.join({.type = ""})), inconsistent_group_protocol);
  EXPECT_TRUE(fresh.group.vacant());
}

TEST(Group, protocols_named_twice_count_once) {
  GroupRig rig;
  const Ticket ticket = rig.join({.protocols = {{"range", "1"}, {"range", "2"}}});
  rig.pass(3s);
  ASSERT_EQ(rig.join_code(ticket), none);
  EXPECT_EQ(text_of(rig.joins.at(ticket).members[0].metadata), "1");
}

TEST(Group, a_follower_that_joins_again_unchanged_disturbs_nobody) {
  GroupRig rig;
  const auto ids = rig.stabilize({{}, {}});
  const Ticket again = rig.join({.member = ids[1]});
  ASSERT_EQ(rig.join_code(again), none);
  EXPECT_EQ(rig.joins.at(again).generation_id, 1);
  EXPECT_EQ(rig.joins.at(again).leader, ids[0]);
  EXPECT_EQ(rig.group.state(), State::stable);
}

TEST(Group, a_changed_follower_and_a_leader_that_joins_again_cause_a_rebalance) {
  for (const std::size_t who : {0U, 1U}) {
    GroupRig rig;
    const auto ids = rig.stabilize({{}, {}});
    const Ticket again = rig.join({.member = ids[who], .protocols = {{"range", who == 0 ? "r" : "new"}}});
    EXPECT_FALSE(rig.joined(again));
    EXPECT_EQ(rig.group.state(), State::preparing_rebalance);
    EXPECT_EQ(rig.heartbeat(ids[1 - who], 1), rebalance_in_progress);
    rig.join({.member = ids[1 - who]});
    ASSERT_EQ(rig.join_code(again), none);
    EXPECT_EQ(rig.joins.at(again).generation_id, 2);
  }
}

TEST(Group, a_member_that_lost_its_answer_gets_it_again) {
  GroupRig rig;
  const Ticket a = rig.join({});
  const Ticket b = rig.join({});
  rig.pass(6s);
  const Ticket leader = rig.join({.member = rig.joins.at(a).member_id});
  const Ticket follower = rig.join({.member = rig.joins.at(b).member_id});
  EXPECT_EQ(rig.joins.at(leader).members.size(), 2U);
  EXPECT_EQ(rig.joins.at(leader).generation_id, 1);
  EXPECT_TRUE(rig.joins.at(follower).members.empty());
  EXPECT_EQ(rig.group.state(), State::completing_rebalance);
}

TEST(Group, who_misses_the_rebalance_timeout_is_out_unless_static) {
  GroupRig rig;
  const auto ids = rig.stabilize({{.rebalance_ms = 5000}, {.rebalance_ms = 5000}, {.instance = "i", .version = 5}});
  const Ticket again = rig.join({.member = ids[0], .rebalance_ms = 5000});
  rig.pass(9s);
  for (const auto& id : {ids[1], ids[2]}) rig.heartbeat(id, 1);  // alive, but not joining
  EXPECT_FALSE(rig.joined(again));                               // the static member's time-out is 60 s
  rig.pass(9s);
  rig.heartbeat(ids[2], 1);
  rig.pass(9s);
  rig.heartbeat(ids[2], 1);
  rig.pass(9s);
  rig.heartbeat(ids[2], 1);
  rig.pass(9s);
  rig.heartbeat(ids[2], 1);
  rig.pass(9s);
  rig.heartbeat(ids[2], 1);
  rig.pass(6s);
  ASSERT_EQ(rig.join_code(again), none);
  EXPECT_EQ(rig.group.members().size(), 2U);
  EXPECT_FALSE(rig.group.members().contains(ids[1]));
  EXPECT_TRUE(rig.group.members().contains(ids[2]));
}

TEST(Group, a_leader_that_does_not_come_back_is_replaced) {
  GroupRig rig;
  const auto ids = rig.stabilize({{.instance = "leads", .version = 5}, {}});
  rig.join({.member = ids[1], .protocols = {{"range", "new"}}});
  for (int i = 0; i < 12; ++i) {
    rig.pass(5s);
    rig.heartbeat(ids[0], 1);
  }
  EXPECT_EQ(rig.group.generation(), 2);
  EXPECT_EQ(rig.group.leader(), ids[1]);
}

TEST(Group, a_silent_member_is_out_after_its_session) {
  GroupRig rig;
  const auto ids = rig.stabilize({{}, {}});
  rig.pass(6s);
  EXPECT_EQ(rig.heartbeat(ids[0], 1), none);
  rig.pass(4s);
  EXPECT_EQ(rig.group.state(), State::preparing_rebalance);
  EXPECT_EQ(rig.heartbeat(ids[1], 1), unknown_member_id);
  EXPECT_EQ(rig.heartbeat(ids[0], 1), rebalance_in_progress);
}

TEST(Group, the_last_member_leaves_an_empty_generation_behind) {
  GroupRig rig;
  const auto ids = rig.stabilize({{}});
  rig.pass(10s);
  EXPECT_EQ(rig.group.state(), State::empty);
  EXPECT_EQ(rig.group.generation(), 2);
  ASSERT_EQ(rig.written.size(), 1U);
  EXPECT_TRUE(rig.written[0].value.members.empty());
  EXPECT_EQ(rig.written[0].value.protocol, std::nullopt);
  EXPECT_EQ(rig.written[0].value.leader, std::nullopt);
  EXPECT_EQ(rig.group.protocol_type(), "consumer");
  EXPECT_FALSE(rig.group.vacant());
  rig.settle(not_coordinator);  // tolerated
  EXPECT_EQ(rig.group.state(), State::empty);
}

TEST(Group, who_does_not_sync_within_the_rebalance_timeout_is_out) {
  GroupRig rig;
  const Ticket a = rig.join({.rebalance_ms = 8000});
  const Ticket b = rig.join({.rebalance_ms = 8000});
  rig.pass(6s);
  const std::string leader = rig.joins.at(a).member_id;
  const std::string follower = rig.joins.at(b).member_id;
  const Ticket waiting = rig.sync(follower, 1);
  rig.pass(4s);
  rig.heartbeat(leader, 1);
  rig.pass(4s);
  EXPECT_EQ(rig.sync_code(waiting), rebalance_in_progress);
  EXPECT_FALSE(rig.group.members().contains(leader));
  EXPECT_EQ(rig.group.leader(), follower);
  EXPECT_EQ(rig.heartbeat(leader, 1), unknown_member_id);
}

TEST(Group, a_waiting_member_is_excused_from_heartbeats) {
  GroupRig rig;
  const auto ids = rig.stabilize({{}, {}});
  const Ticket again = rig.join({.member = ids[0]});
  for (int i = 0; i < 11; ++i) {
    rig.pass(5s);
    rig.heartbeat(ids[1], 1);
  }
  EXPECT_FALSE(rig.joined(again));
  EXPECT_TRUE(rig.group.members().contains(ids[0]));
  rig.join({.member = ids[1]});
  EXPECT_EQ(rig.join_code(again), none);
  rig.pass(9999ms);
  EXPECT_TRUE(rig.group.members().contains(ids[0]));  // its session began anew
}

TEST(Group, a_new_member_does_not_wait_for_ever) {
  GroupRig rig;
  const auto ids = rig.stabilize({{.rebalance_ms = 3'600'000}});
  const Ticket ticket = rig.join({.rebalance_ms = 3'600'000});
  for (int i = 0; i < 60; ++i) {
    rig.heartbeat(ids[0], 1);
    rig.pass(5s);
  }
  EXPECT_EQ(rig.join_code(ticket), unknown_member_id);
}

TEST(Group, group_max_size_turns_newcomers_away) {
  GroupConfig config;
  config.group_max_size = 2;
  GroupRig rig(config);
  rig.join({});
  rig.join({});
  EXPECT_EQ(rig.join_code(rig.join({})), group_max_size_reached);
  rig.pass(6s);
  EXPECT_EQ(rig.group.members().size(), 2U);
  rig.assign({"client-1", "client-2"});
  EXPECT_EQ(rig.join_code(rig.join({})), group_max_size_reached);
  EXPECT_EQ(rig.join_code(rig.join({.member = "client-2"})), none);
}

TEST(Group, unloading_answers_everyone) {
  GroupRig rig;
  rig.stabilize({{}, {}});
  const Ticket waiting = rig.join({});
  rig.take(rig.group.abandon(not_coordinator, rig.clock));
  EXPECT_EQ(rig.join_code(waiting), not_coordinator);
  EXPECT_EQ(rig.group.state(), State::dead);
  EXPECT_EQ(rig.group.earliest_deadline(), std::nullopt);
  EXPECT_EQ(rig.join_code(rig.join({})), coordinator_not_available);
  EXPECT_EQ(rig.heartbeat("client-1", 1), coordinator_not_available);
  EXPECT_EQ(rig.commit("client-1", 1), coordinator_not_available);
}

}  // namespace
}  // namespace chronik::coord
