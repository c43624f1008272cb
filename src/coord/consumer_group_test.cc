// The new consumer protocol: joining, reconciliation, leaving, time-outs, topics that change, regular expressions.
// After every write the rig rebuilds the group from its records and compares.
#include "coord/consumer_group.h"

#include <gtest/gtest.h>

#include "coord/test_consumer_rig.h"

namespace chronik::coord {
namespace {

const Owned kAll{"t-0", "t-1", "t-2", "t-3", "t-4", "t-5"};

TEST(ConsumerGroup, the_first_member_gets_everything_at_epoch_one) {
  ConsumerRig rig;
  const auto response = rig.send(ConsumerRig::join("a", {"t"}));
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.member_id, "a");
  EXPECT_EQ(response.member_epoch, 1);
  EXPECT_EQ(response.heartbeat_interval_ms, 5000);
  ASSERT_TRUE(response.assignment);
  EXPECT_EQ(rig.owned("a"), kAll);
  EXPECT_EQ(rig.group.state(), ConsumerGroupState::stable);
  // Nothing new: no assignment, nothing written.
  const auto size = rig.log.size();
  EXPECT_FALSE(rig.send(ConsumerRig::beat("a", 1)).assignment);
  EXPECT_EQ(rig.log.size(), size);
}

TEST(ConsumerGroup, partitions_move_only_after_they_were_given_up) {
  ConsumerRig rig;
  rig.settle({{"a", {"t"}}});
  const auto joined = rig.send(ConsumerRig::join("b", {"t"}));
  EXPECT_EQ(joined.member_epoch, 2);
  EXPECT_TRUE(joined.assignment && joined.assignment->topic_partitions.empty());
  EXPECT_EQ(rig.group.members().at("b").state, MemberState::unreleased_partitions);
  // The first one is told to give up three, and stays in its epoch until it says that it has.
  const auto told = rig.send(ConsumerRig::beat("a", 1));
  EXPECT_EQ(told.member_epoch, 1);
  ASSERT_TRUE(told.assignment);
  EXPECT_EQ(rig.owned("a").size(), 3U);
  EXPECT_EQ(rig.group.members().at("a").state, MemberState::unrevoked_partitions);
  EXPECT_FALSE(rig.send(ConsumerRig::beat("b", 2)).assignment);
  EXPECT_EQ(rig.send(ConsumerRig::beat("a", 1)).member_epoch, 1);  // says nothing
  auto done = ConsumerRig::beat("a", 1);
  done.topic_partitions.emplace();
  for (const auto& topic : told.assignment->topic_partitions) {
    done.topic_partitions->push_back({topic.topic_id, topic.partitions});
  }
  EXPECT_EQ(rig.send(done).member_epoch, 2);
  EXPECT_TRUE(rig.send(ConsumerRig::beat("b", 2)).assignment);
  EXPECT_EQ(rig.owned("b").size(), 3U);
  EXPECT_EQ(rig.group.state(), ConsumerGroupState::stable);
}

TEST(ConsumerGroup, who_does_not_give_up_in_time_is_out) {
  ConsumerRig rig;
  rig.settle({{"a", {"t"}}});
  rig.send(ConsumerRig::join("b", {"t"}));
  rig.send(ConsumerRig::beat("a", 1));
  for (int i = 0; i < 7; ++i) {
    rig.pass(9s);
    if (rig.group.members().contains("a")) rig.send(ConsumerRig::beat("a", 1));
    rig.send(ConsumerRig::beat("b", 2));
  }
  EXPECT_FALSE(rig.group.members().contains("a"));
  EXPECT_EQ(rig.code(ConsumerRig::beat("a", 1)), ErrorCode::unknown_member_id);
  rig.send(ConsumerRig::beat("b", rig.group.members().at("b").epoch));
  EXPECT_EQ(rig.owned("b"), kAll);
}

TEST(ConsumerGroup, silence_ends_a_session) {
  ConsumerRig rig;
  rig.settle({{"a", {"t"}}, {"b", {"t"}}});
  rig.pass(30s);
  rig.settle({{"b", {"t"}}});
  rig.pass(20s);
  EXPECT_FALSE(rig.group.members().contains("a"));
  EXPECT_EQ(rig.group.state(), ConsumerGroupState::assigning);
  rig.settle({{"b", {"t"}}});
  EXPECT_EQ(rig.owned("b"), kAll);
  rig.pass(46s);
  EXPECT_TRUE(rig.group.empty());
  EXPECT_EQ(rig.group.state(), ConsumerGroupState::empty);
}

TEST(ConsumerGroup, leaving_frees_what_was_owned) {
  ConsumerRig rig;
  rig.settle({{"a", {"t"}}, {"b", {"t"}}});
  const auto left = rig.send(ConsumerRig::beat("a", -1));
  EXPECT_EQ(left.error_code, ErrorCode::none);
  EXPECT_EQ(left.member_epoch, -1);
  rig.settle({{"b", {"t"}}});
  EXPECT_EQ(rig.owned("b"), kAll);
  EXPECT_EQ(rig.code(ConsumerRig::beat("a", -1)), ErrorCode::unknown_member_id);
}

TEST(ConsumerGroup, epochs_fence) {
  ConsumerRig rig;
  rig.settle({{"a", {"t"}}, {"b", {"t"}}});
  const std::int32_t epoch = rig.group.members().at("a").epoch;
  EXPECT_EQ(rig.code(ConsumerRig::beat("a", epoch + 1)), ErrorCode::fenced_member_epoch);
  EXPECT_EQ(rig.code(ConsumerRig::beat("a", epoch - 1)), ErrorCode::fenced_member_epoch);
  // The answer may have been lost: with its old epoch and a part of what it has it goes on.
  auto lost = ConsumerRig::beat("a", rig.group.members().at("a").previous_epoch);
  lost.topic_partitions.emplace();
  EXPECT_EQ(rig.code(lost), ErrorCode::none);
  lost.topic_partitions->push_back({topic_id(3), {PartitionIndex(0)}});
  EXPECT_EQ(rig.code(lost), ErrorCode::fenced_member_epoch);
  // And it may begin anew, with nothing.
  const auto again = rig.send(ConsumerRig::join("a", {"t"}));
  EXPECT_EQ(again.member_epoch, epoch);
  EXPECT_TRUE(again.assignment);
}

TEST(ConsumerGroup, subscriptions_change_at_once) {
  ConsumerRig rig;
  rig.settle({{"a", {"t"}}});
  auto request = ConsumerRig::beat("a", 1);
  request.subscribed_topic_names = {"u"};
  const auto told = rig.send(request);
  EXPECT_EQ(told.member_epoch, 1);
  EXPECT_TRUE(rig.owned("a").empty());
  auto done = ConsumerRig::beat("a", 1);
  done.topic_partitions.emplace();
  EXPECT_EQ(rig.send(done).member_epoch, 2);
  EXPECT_EQ(rig.owned("a"), (Owned{"u-0", "u-1"}));
  EXPECT_TRUE(rig.group.is_subscribed_to("u"));
  EXPECT_FALSE(rig.group.is_subscribed_to("t"));
}

TEST(ConsumerGroup, topics_that_change_start_a_rebalance) {
  ConsumerRig rig;
  rig.settle({{"a", {"t", "later"}}});
  rig.topics.add("other", 9, 3);
  rig.settle({{"a", {"t"}}});
  EXPECT_EQ(rig.group.epoch(), 1);  // nobody asked for that one
  rig.topics.add("later", 5, 1);
  rig.settle({{"a", {"t"}}});
  EXPECT_EQ(rig.group.epoch(), 2);
  EXPECT_TRUE(rig.owned("a").contains("later-0"));
  rig.topics.add("t", 2, 8);
  rig.settle({{"a", {"t"}}});
  EXPECT_TRUE(rig.owned("a").contains("t-7"));
  rig.topics.remove("later");
  rig.settle({{"a", {"t"}}});
  EXPECT_EQ(rig.owned("a").size(), 8U);
  rig.topics.add("t", 7, 2);  // another topic of that name
  rig.settle({{"a", {"t"}}});
  EXPECT_EQ(rig.owned("a"), (Owned{"t-0", "t-1"}));
}

TEST(ConsumerGroup, bad_requests_are_named) {
  GroupConfig config;
  config.consumer_max_size = 1;
  ConsumerRig rig(config);
  auto request = ConsumerRig::join("", {"t"});
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  request = ConsumerRig::join("a", {"t"});
  request.group_id = " ";
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  request = ConsumerRig::join("a", {"t"}, "");
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  request = ConsumerRig::join("a", {"t"});
  request.rack_id = "";
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  request = ConsumerRig::join("a", {"t"});
  request.rebalance_timeout_ms = -1;
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  request = ConsumerRig::join("a", {"t"});
  request.topic_partitions.reset();
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  request.topic_partitions = {{topic_id(2), {PartitionIndex(0)}}};
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  request = ConsumerRig::join("a", {"t"});
  request.subscribed_topic_names.reset();
  EXPECT_EQ(rig.code(request), ErrorCode::invalid_request);
  EXPECT_EQ(rig.code(ConsumerRig::beat("a", -3)), ErrorCode::invalid_request);
  EXPECT_EQ(rig.code(ConsumerRig::beat("a", -2)), ErrorCode::invalid_request);
  EXPECT_EQ(rig.code(ConsumerRig::beat("a", 1)), ErrorCode::unknown_member_id);
  EXPECT_EQ(rig.code(ConsumerRig::beat(std::string(40'000, 'x'), 1)), ErrorCode::invalid_request);
  request = ConsumerRig::join("a", {"t"});
  request.server_assignor = "sticky";
  EXPECT_EQ(rig.code(request), ErrorCode::unsupported_assignor);
  request = ConsumerRig::join("a", {});
  request.subscribed_topic_regex = "(";
  const auto answer = rig.send(request);
  EXPECT_EQ(answer.error_code, ErrorCode::invalid_regular_expression);
  EXPECT_TRUE(answer.error_message->starts_with("SubscribedTopicRegex `(` is not a valid regular expression: "));
  EXPECT_TRUE(rig.group.empty() && rig.log.empty());
  EXPECT_EQ(rig.code(ConsumerRig::join("a", {"t"})), ErrorCode::none);
  EXPECT_EQ(rig.code(ConsumerRig::join("b", {"t"})), ErrorCode::group_max_size_reached);
  EXPECT_EQ(rig.code(ConsumerRig::join("a", {"t"})), ErrorCode::none);
}

TEST(ConsumerGroup, the_assignor_is_the_one_that_most_ask_for) {
  ConsumerRig rig;
  for (const std::string member : {"a", "b"}) {
    auto request = ConsumerRig::join(member, {"t"});
    request.server_assignor = "range";
    rig.send(request);
    rig.clients[member] = {rig.group.members().at(member).epoch, {}};
  }
  rig.settle({{"a", {"t"}}, {"b", {"t"}}});
  EXPECT_EQ(rig.group.describe(rig.topics).assignor_name, "range");
  // No expression is an empty one in the answer, as in Kafka.
  EXPECT_EQ(rig.group.describe(rig.topics).members.at(0).subscribed_topic_regex, "");
  EXPECT_EQ(rig.owned("a"), (Owned{"t-0", "t-1", "t-2"}));
}

TEST(StaticConsumer, comes_back_to_what_it_had) {
  ConsumerRig rig;
  rig.send(ConsumerRig::join("a", {"t"}, "i"));
  rig.send(ConsumerRig::join("b", {"t"}, "j"));
  rig.clients["a"] = {1, {}};
  rig.clients["b"] = {2, {}};
  rig.settle({{"a", {"t"}}, {"b", {"t"}}});
  const Owned before = rig.owned("a");
  EXPECT_EQ(rig.code(ConsumerRig::join("c", {"t"}, "i")), ErrorCode::unreleased_instance_id);
  auto leave = ConsumerRig::beat("a", -2);
  leave.instance_id = "i";
  EXPECT_EQ(rig.send(leave).member_epoch, -2);
  EXPECT_EQ(rig.turn("b", {"t"}), ErrorCode::none);
  EXPECT_EQ(rig.owned("a"), before);  // its place is kept
  const auto back = rig.send(ConsumerRig::join("a", {"t"}, "i"));
  EXPECT_EQ(back.error_code, ErrorCode::none);
  EXPECT_EQ(rig.owned("a"), before);
  EXPECT_EQ(rig.group.state(), ConsumerGroupState::stable);
}

TEST(StaticConsumer, under_another_member_id_has_its_place_and_the_old_id_is_fenced) {
  ConsumerRig rig;
  rig.send(ConsumerRig::join("a", {"t"}, "i"));
  auto leave = ConsumerRig::beat("a", -2);
  leave.instance_id = "i";
  rig.send(leave);
  const auto back = rig.send(ConsumerRig::join("c", {"t"}, "i"));
  EXPECT_EQ(back.error_code, ErrorCode::none);
  EXPECT_EQ(back.member_epoch, 1);
  EXPECT_EQ(rig.group.epoch(), 1);  // no rebalance
  EXPECT_EQ(rig.owned("c"), kAll);
  EXPECT_FALSE(rig.group.members().contains("a"));
  auto stale = ConsumerRig::beat("a", 1);
  stale.instance_id = "i";
  EXPECT_EQ(rig.code(stale), ErrorCode::fenced_instance_id);
  stale.instance_id = "nobody";
  EXPECT_EQ(rig.code(stale), ErrorCode::unknown_member_id);
  leave.member_id = "c";
  leave.member_epoch = -1;
  EXPECT_EQ(rig.code(leave), ErrorCode::none);
  EXPECT_TRUE(rig.group.empty());
}

TEST(StaticConsumer, that_stays_away_is_removed_when_its_session_ends) {
  ConsumerRig rig;
  rig.send(ConsumerRig::join("a", {"t"}, "i"));
  auto leave = ConsumerRig::beat("a", -2);
  leave.instance_id = "i";
  rig.send(leave);
  rig.pass(44s);
  EXPECT_FALSE(rig.group.empty());
  rig.pass(2s);
  EXPECT_TRUE(rig.group.empty());
}

TEST(ConsumerRegex, takes_topics_when_they_are_looked_up) {
  ConsumerRig rig;
  auto request = ConsumerRig::join("a", {});
  request.subscribed_topic_regex = "t.*";
  EXPECT_EQ(rig.send(request).member_epoch, 1);
  EXPECT_TRUE(rig.owned("a").empty());
  EXPECT_EQ(rig.group.to_resolve(rig.topics, rig.clock), std::vector<std::string>{"t.*"});
  rig.group.resolved({{"t.*", {"t"}}}, rig.topics.version(), rig.topics, rig.clock);
  rig.write();
  EXPECT_TRUE(rig.group.is_subscribed_to("t"));
  EXPECT_EQ(rig.send(ConsumerRig::beat("a", 1)).member_epoch, 2);
  EXPECT_EQ(rig.owned("a"), kAll);
  // Looked up again when topics change, not at every heartbeat.
  rig.pass(11s);
  EXPECT_TRUE(rig.group.to_resolve(rig.topics, rig.clock).empty());
  rig.topics.add("t2", 8, 1);
  EXPECT_EQ(rig.group.to_resolve(rig.topics, rig.clock).size(), 1U);
  rig.group.resolved({{"t.*", {"t", "t2"}}}, rig.topics.version(), rig.topics, rig.clock);
  rig.write();
  EXPECT_TRUE(rig.group.to_resolve(rig.topics, rig.clock).empty());
  rig.send(ConsumerRig::beat("a", 2));
  EXPECT_TRUE(rig.owned("a").contains("t2-0"));
  // Nobody asks for it any more: forgotten, with a tombstone.
  auto named = ConsumerRig::beat("a", 3);
  named.subscribed_topic_names = {"u"};
  named.subscribed_topic_regex = "";
  rig.send(named);
  EXPECT_FALSE(rig.group.is_subscribed_to("t"));
  EXPECT_TRUE(rig.group.to_resolve(rig.topics, rig.clock).empty());
}

TEST(ConsumerOffsets, of_members_are_checked_by_epoch) {
  ConsumerRig rig;
  EXPECT_EQ(rig.group.validate_commit("", -1, 9), ErrorCode::none);
  rig.settle({{"a", {"t"}}, {"b", {"t"}}});
  const auto& member = rig.group.members().at("a");
  EXPECT_EQ(rig.group.validate_commit("a", member.epoch, 9), ErrorCode::none);
  EXPECT_EQ(rig.group.validate_commit("a", member.epoch, 8), ErrorCode::unsupported_version);
  EXPECT_EQ(rig.group.validate_commit("a", member.epoch + 1, 9), ErrorCode::stale_member_epoch);
  EXPECT_EQ(rig.group.validate_commit("x", 1, 9), ErrorCode::unknown_member_id);
  EXPECT_EQ(rig.group.validate_commit("", -1, 9), ErrorCode::unknown_member_id);
  // An older epoch will do for what it has had since then, and for nothing else.
  const PartitionIndex kept = member.assigned.at(topic_id(2)).begin()->first;
  EXPECT_TRUE(rig.group.may_commit("a", 1, topic_id(2), kept));
  EXPECT_FALSE(rig.group.may_commit("a", 0, topic_id(2), kept));
  EXPECT_FALSE(rig.group.may_commit("a", 1, topic_id(3), PartitionIndex(0)));
  EXPECT_EQ(rig.group.validate_fetch(std::nullopt, -1), ErrorCode::none);
  EXPECT_EQ(rig.group.validate_fetch("a", member.epoch), ErrorCode::none);
  EXPECT_EQ(rig.group.validate_fetch("a", member.epoch - 1), ErrorCode::stale_member_epoch);
  EXPECT_EQ(rig.group.validate_fetch("x", 1), ErrorCode::unknown_member_id);
}

TEST(ConsumerRecords, of_a_deleted_group_leave_nothing) {
  ConsumerRig rig;
  rig.settle({{"a", {"t"}}});
  rig.send(ConsumerRig::beat("a", -1));
  auto tombstones = rig.group.tombstones();
  ASSERT_TRUE(tombstones);
  std::map<std::string, bool> left;  // by key: whether it has a value
  for (auto* records : {&rig.log, &*tombstones}) {
    for (const Record& record : *records) left[std::string(as_text(record.key.span()))] = record.value.has_value();
  }
  for (const auto& [key, alive] : left) EXPECT_FALSE(alive);
}

}  // namespace
}  // namespace chronik::coord
