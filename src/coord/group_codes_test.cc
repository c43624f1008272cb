// Which error a member gets, by request and state; LeaveGroup; groups as records.
#include <gtest/gtest.h>

#include "coord/test_group_rig.h"

namespace chronik::coord {
namespace {

using enum ErrorCode;
using State = GroupState;

/// A group of a dynamic leader "client-1" and a static member "i-2" of instance "i", in the wanted state, generation 1
/// (Empty: generation 2, nobody there).
void bring_to(GroupRig& rig, State state) {
  if (state == State::completing_rebalance) {
    rig.join({});
    rig.join({.instance = "i", .version = 5});
    rig.pass(6s);
  } else {
    rig.stabilize({{}, {.instance = "i", .version = 5}});
  }
  if (state == State::preparing_rebalance) rig.join({.protocols = {{"range", "third"}}});
  if (state == State::empty || state == State::dead) rig.leave({{"client-1", std::nullopt}, {"i-2", "i"}});
  if (state == State::dead) rig.group.begin_deletion();
  ASSERT_EQ(rig.group.state(), state);
}

struct Row {
  State state;
  std::string member;
  std::optional<std::string> instance;
  std::int32_t generation;
  ErrorCode heartbeat;
  ErrorCode commit;
  ErrorCode sync;  // unknown_server_error: it waits
};

TEST(GroupCodes, heartbeat_commit_and_sync_by_state) {
  constexpr ErrorCode kWaits = unknown_server_error;
  const std::vector<Row> rows = {
      {State::stable, "client-1", {}, 1, none, none, none},
      {State::stable, "i-2", "i", 1, none, none, none},
      {State::stable, "i-2", {}, 1, none, none, none},
      {State::stable, "client-1", {}, 0, illegal_generation, illegal_generation, illegal_generation},
      {State::stable, "client-1", {}, 2, illegal_generation, illegal_generation, illegal_generation},
      {State::stable, "nobody", {}, 1, unknown_member_id, unknown_member_id, unknown_member_id},
      {State::stable, "nobody", "i", 1, fenced_instance_id, fenced_instance_id, fenced_instance_id},
      {State::stable, "client-1", "i", 1, fenced_instance_id, fenced_instance_id, fenced_instance_id},
      {State::stable, "i-2", "other", 1, unknown_member_id, unknown_member_id, unknown_member_id},
      {State::stable, "", {}, -1, unknown_member_id, unknown_member_id, unknown_member_id},
      {State::preparing_rebalance, "client-1", {}, 1, rebalance_in_progress, none, rebalance_in_progress},
      {State::preparing_rebalance, "client-1", {}, 7, illegal_generation, illegal_generation, illegal_generation},
      {State::preparing_rebalance, "nobody", "i", 1, fenced_instance_id, fenced_instance_id, fenced_instance_id},
      {State::completing_rebalance, "client-1", {}, 1, none, rebalance_in_progress, kWaits},
      {State::completing_rebalance, "i-2", "i", 1, none, rebalance_in_progress, kWaits},
      {State::completing_rebalance, "i-2", "i", 0, illegal_generation, illegal_generation, illegal_generation},
      {State::empty, "client-1", {}, 2, unknown_member_id, unknown_member_id, unknown_member_id},
      {State::empty, "", {}, -1, unknown_member_id, none, unknown_member_id},
      {State::empty, "admin", {}, -1, unknown_member_id, none, unknown_member_id},
      {State::dead, "", {}, -1, coordinator_not_available, coordinator_not_available, coordinator_not_available},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(to_string(row.state)) + " " + row.member + " " + row.instance.value_or("-") + " " +
                 std::to_string(row.generation));
    GroupRig rig;
    bring_to(rig, row.state);
    EXPECT_EQ(rig.heartbeat(row.member, row.generation, row.instance), row.heartbeat);
    EXPECT_EQ(rig.commit(row.member, row.generation, row.instance), row.commit);
    EXPECT_EQ(rig.sync_code(rig.sync(row.member, row.generation, {}, row.instance)), row.sync);
  }
}

TEST(GroupCodes, sync_must_name_the_protocol_of_the_generation) {
  GroupRig rig;
  const auto ids = rig.stabilize({{}});
  EXPECT_EQ(rig.sync_code(rig.sync(ids[0], 1, {}, std::nullopt, "range")), none);
  EXPECT_EQ(rig.sync_code(rig.sync(ids[0], 1, {}, std::nullopt, "sticky")), inconsistent_group_protocol);
}

TEST(GroupCodes, a_commit_and_a_heartbeat_prolong_the_session) {
  for (const bool commits : {false, true}) {
    GroupRig rig;
    const auto ids = rig.stabilize({{}});
    for (int i = 0; i < 5; ++i) {
      rig.pass(9s);
      EXPECT_EQ(commits ? rig.commit(ids[0], 1) : rig.heartbeat(ids[0], 1), none);
    }
    rig.pass(10s);
    EXPECT_EQ(rig.group.state(), State::empty);
  }
}

TEST(GroupCodes, leaving) {
  using Who = std::vector<std::pair<std::string, std::optional<std::string>>>;
  struct Leave {
    Who who;
    std::vector<ErrorCode> codes;
    State after;
  };
  const std::vector<Leave> rows = {
      {{{"client-1", {}}}, {none}, State::preparing_rebalance},
      {{{"nobody", {}}}, {unknown_member_id}, State::stable},
      {{{"", {}}}, {unknown_member_id}, State::stable},
      {{{"", "i"}}, {none}, State::preparing_rebalance},
      {{{"", "other"}}, {unknown_member_id}, State::stable},
      {{{"i-2", "i"}}, {none}, State::preparing_rebalance},
      {{{"client-1", "i"}}, {fenced_instance_id}, State::stable},
      {{{"i-2", "other"}}, {unknown_member_id}, State::stable},
      {{{"client-1", {}}, {"", "i"}}, {none, none}, State::empty},
      {{{"", "i"}, {"", "i"}}, {none, unknown_member_id}, State::preparing_rebalance},
  };
  for (const Leave& row : rows) {
    SCOPED_TRACE(row.who[0].first + "/" + row.who[0].second.value_or("-"));
    GroupRig rig;
    bring_to(rig, State::stable);
    EXPECT_EQ(rig.leave(row.who), row.codes);
    EXPECT_EQ(rig.group.state(), row.after);
  }
}

TEST(GroupCodes, an_id_given_out_can_leave) {
  GroupRig rig;
  const Ticket asked = rig.join({.version = 4});
  EXPECT_EQ(rig.leave({{rig.joins.at(asked).member_id, std::nullopt}}), std::vector{none});
  EXPECT_TRUE(rig.group.vacant());
}

TEST(GroupCodes, who_leaves_while_waiting_is_told) {
  GroupRig rig;
  rig.stabilize({{}});
  const Ticket waiting = rig.join({});
  rig.leave({{"client-3", std::nullopt}});
  EXPECT_EQ(rig.join_code(waiting), unknown_member_id);
}

TEST(GroupRecord, what_was_written_is_what_is_restored) {
  GroupRig rig;
  rig.stabilize({{.session_ms = 20'000}, {.instance = "i", .version = 5}});
  const auto value = rig.group.snapshot();
  Group other("g", rig.config, rig.clock);
  other.restore(value);
  EXPECT_TRUE(other.start_sessions(rig.clock).stores.empty());
  other.check_invariants();
  EXPECT_EQ(other.state(), State::stable);
  EXPECT_EQ(other.generation(), 1);
  EXPECT_EQ(other.leader(), rig.group.leader());
  EXPECT_EQ(other.protocol(), "range");
  EXPECT_EQ(other.state_since(), rig.group.state_since());
  const Member& member = other.members().at("i-2");
  EXPECT_EQ(member.instance_id, "i");
  EXPECT_EQ(text_of(member.assignment), "to i-2");
  EXPECT_EQ(text_of(member.metadata("range")), "r");
  EXPECT_EQ(other.members().at("client-1").session_timeout_ms, 20'000);
  EXPECT_EQ(other.heartbeat("i-2", "i", 1, rig.clock), none);
  ASSERT_TRUE(other.earliest_deadline().has_value());
}

TEST(GroupRecord, a_group_above_its_maximum_is_rebalanced_when_loaded) {
  GroupRig rig;
  rig.stabilize({{}, {}, {}});
  const auto value = rig.group.snapshot();
  GroupConfig config;
  config.group_max_size = 2;
  Group other("g", config, rig.clock);
  other.restore(value);
  other.start_sessions(rig.clock);
  EXPECT_EQ(other.state(), State::preparing_rebalance);
}

TEST(GroupRecord, damaged_members_are_tolerated) {
  wire::GroupMetadataValue value;
  value.protocol_type = "consumer";
  value.leader = "gone";
  value.members.resize(3);
  value.members[0].member_id = value.members[1].member_id = "a";
  value.members[2].member_id = "b";
  GroupRig rig;
  rig.group.restore(value);
  EXPECT_EQ(rig.group.members().size(), 2U);
  rig.take(rig.group.start_sessions(rig.clock));
  EXPECT_EQ(rig.group.leader(), "a");
}

/// ConsumerProtocolSubscription, version 0.
std::string subscription(const std::vector<std::string>& topics) {
  std::string text("\0\0\0\0\0", 5);
  text += static_cast<char>(topics.size());
  for (const std::string& topic : topics) {
    text += '\0';
    text += static_cast<char>(topic.size());
    text += topic;
  }
  return text + std::string("\xff\xff\xff\xff", 4);
}

TEST(GroupRecord, subscribed_topics_are_known_when_members_say_them) {
  struct Row {
    std::string type;
    std::string metadata;
    bool a;
    bool b;
  };
  const std::vector<Row> rows = {
      {"consumer", subscription({"a"}), true, false},
      {"consumer", subscription({}), false, false},
      {"consumer", "rubbish", true, true},  // unknown: counts as subscribed to all
      {"consumer", subscription({"a"}).substr(0, 8), true, true},
      {"consumer", subscription({"a", "b"}) + "later fields", true, true},
      {"connect", subscription({"a"}), false, false},
  };
  for (const Row& row : rows) {
    GroupRig rig;
    rig.join({.protocols = {{"range", row.metadata}}, .type = row.type});
    rig.pass(3s);
    EXPECT_EQ(rig.group.is_subscribed_to("a"), row.a) << row.type;
    EXPECT_EQ(rig.group.is_subscribed_to("b"), row.b) << row.type;
  }
}

TEST(GroupRecord, description) {
  GroupRig rig;
  const auto ids = rig.stabilize({{}});
  auto description = rig.group.describe();
  EXPECT_EQ(description.group_state, "Stable");
  EXPECT_EQ(description.protocol_data, "range");
  ASSERT_EQ(description.members.size(), 1U);
  EXPECT_EQ(text_of(description.members[0].member_assignment), "to " + ids[0]);
  EXPECT_EQ(description.members[0].client_host, "/10.0.0.1");
  rig.join({});
  description = rig.group.describe();
  EXPECT_EQ(description.group_state, "PreparingRebalance");
  EXPECT_EQ(description.protocol_data, "");
  EXPECT_TRUE(description.members[0].member_metadata.empty());
  // What a member has is shown until it is given something else.
  EXPECT_EQ(text_of(description.members[0].member_assignment), "to " + ids[0]);
}

}  // namespace
}  // namespace chronik::coord
