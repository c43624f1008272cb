// Live groups change between the protocols, and members of both work side by side; real subscriptions and assignments.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "coord/embedded_protocol.h"
#include "coord/test_coord_rig.h"
#include "wire/records/versioned.h"

namespace chronik::coord {
namespace {

using wire::ErrorCode;
using Heartbeat = wire::ConsumerGroupHeartbeatRequest;

/// A member of the classic protocol that gives up and takes partitions as it is told (cooperatively).
struct Classic {
  std::string id = {};
  std::optional<std::string> instance = {};
  std::int32_t generation = -1;
  std::set<PartitionIndex> owned = {};
};
struct Modern {
  std::string id;
  std::int32_t epoch = 0;
  std::set<PartitionIndex> owned = {};
};

class Migration : public testing::Test {
 protected:
  static Buffer subscription(const Classic& of) {
    wire::ConsumerProtocolSubscription said;
    said.topics = {"t"};
    said.owned_partitions.push_back({"t", {of.owned.begin(), of.owned.end()}});
    return wire::encode_versioned(said, 3).value();
  }
  wire::JoinGroupRequest join_request(const Classic& of) {
    auto request = rig.join_request("g", of.id, of.instance);
    request.protocols = {{"cooperative-sticky", subscription(of)}, {"range", subscription(of)}};
    return request;
  }
  wire::JoinGroupResponse join(Classic& member, std::int16_t version = 9) {
    auto response = rig.run(rig.coordinator->join_group(join_request(member), rig.context_of(version)));
    if (response.error_code == ErrorCode::member_id_required) {
      member.id = response.member_id;
      response = rig.run(rig.coordinator->join_group(join_request(member), rig.context_of(version)));
    }
    if (response.error_code == ErrorCode::none) {
      member.id = response.member_id;
      member.generation = response.generation_id;
    }
    return response;
  }
  /// SyncGroup; the leader of a classic generation gives everything to itself.
  ErrorCode sync(Classic& member, const wire::JoinGroupResponse& joined) {
    auto request = CoordRig::sync_request("g", joined, member.instance);
    request.assignments.clear();
    if (!joined.members.empty()) {
      PartitionSet all;
      for (std::int32_t i = 0; i < 64; ++i) all[topic_id(2)].insert(PartitionIndex(i));
      for (const auto& one : joined.members) {
        request.assignments.push_back(
            {one.member_id,
             write_assignment(one.member_id == member.id ? all : PartitionSet{}, subscription(member), rig.topics)});
      }
    }
    const auto response = rig.run(rig.coordinator->sync_group(request, rig.context_of(5)));
    if (response.error_code != ErrorCode::none) return response.error_code;
    const auto assigned = read_assignment(response.assignment, rig.topics);
    EXPECT_TRUE(assigned);
    member.owned = assigned->contains(topic_id(2)) ? assigned->at(topic_id(2)) : std::set<PartitionIndex>{};
    return ErrorCode::none;
  }
  ErrorCode enter(Classic& member) {
    const auto joined = join(member);
    return joined.error_code == ErrorCode::none ? sync(member, joined) : joined.error_code;
  }
  ErrorCode beat(const Classic& member) { return rig.heartbeat("g", member.id, member.generation, member.instance); }
  ErrorCode turn(Classic& member) {
    const ErrorCode code = member.generation < 0 ? ErrorCode::rebalance_in_progress : beat(member);
    return code == ErrorCode::rebalance_in_progress ? enter(member) : code;
  }
  wire::ConsumerGroupHeartbeatResponse send(Modern& member) {
    Heartbeat request;
    request.group_id = "g";
    request.member_id = member.id;
    request.member_epoch = member.epoch;
    if (member.epoch == 0) request.rebalance_timeout_ms = 60'000;
    if (member.epoch == 0) request.subscribed_topic_names = {"t"};
    request.topic_partitions.emplace();
    if (!member.owned.empty()) {
      request.topic_partitions->push_back({topic_id(2), {member.owned.begin(), member.owned.end()}});
    }
    auto response = rig.run(rig.coordinator->consumer_group_heartbeat(request, rig.context_of(1)));
    if (response.error_code != ErrorCode::none) return response;
    member.epoch = response.member_epoch;
    if (response.assignment) {
      member.owned.clear();
      for (const auto& topic : response.assignment->topic_partitions) {
        member.owned.insert(topic.partitions.begin(), topic.partitions.end());
      }
    }
    return response;
  }
  ErrorCode leave(const Modern& member) {
    Heartbeat request;
    request.group_id = "g";
    request.member_id = member.id;
    request.member_epoch = -1;
    return rig.run(rig.coordinator->consumer_group_heartbeat(request, rig.context_of(1))).error_code;
  }
  std::string type() {
    const auto response = rig.coordinator->list_groups({}, rig.context_of(5));
    return response.groups.empty() ? "" : response.groups.at(0).group_type;
  }
  /// Turns for everyone until each of 64 partitions has one owner.
  void settle(std::vector<Classic*> classics, std::vector<Modern*> moderns) {
    for (int round = 0; round < 20; ++round) {
      std::size_t total = 0;
      std::set<PartitionIndex> all;
      for (Classic* member : classics) EXPECT_EQ(turn(*member), ErrorCode::none) << round;
      for (Modern* member : moderns) EXPECT_EQ(send(*member).error_code, ErrorCode::none) << round;
      for (Classic* member : classics)
        total += member->owned.size(), all.insert(member->owned.begin(), member->owned.end());
      for (Modern* member : moderns)
        total += member->owned.size(), all.insert(member->owned.begin(), member->owned.end());
      EXPECT_EQ(total, all.size()) << "two owners of one partition";
      rig.coordinator->check_invariants();
      if (all.size() == 64 && round > 3) return;
    }
    ADD_FAILURE() << "not all is assigned";
  }

  CoordRig rig;
};

TEST_F(Migration, a_live_classic_group_takes_new_members_and_goes_back_when_they_leave) {
  Classic old{};
  ASSERT_EQ(enter(old), ErrorCode::none);
  EXPECT_EQ(old.owned.size(), 64U);
  EXPECT_EQ(type(), "classic");

  Modern first{"new-1"};
  const auto joined = send(first);
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(type(), "consumer");
  EXPECT_TRUE(first.owned.empty());  // the other one still has it all
  EXPECT_EQ(beat(old), ErrorCode::rebalance_in_progress);
  settle({&old}, {&first});
  EXPECT_EQ(old.owned.size(), 32U);

  rig.restart();
  EXPECT_EQ(type(), "consumer");
  Classic another{};
  another.instance = "static";
  Modern second{"new-2"};
  settle({&old, &another}, {&first, &second});
  EXPECT_EQ(another.owned.size(), 16U);

  EXPECT_EQ(leave(second), ErrorCode::none);
  settle({&old, &another}, {&first});
  EXPECT_EQ(type(), "consumer");
  EXPECT_EQ(leave(first), ErrorCode::none);
  EXPECT_EQ(type(), "classic");
  EXPECT_EQ(beat(old), ErrorCode::rebalance_in_progress);
  rig.restart();
  EXPECT_EQ(type(), "classic");
  const auto again = rig.start(rig.coordinator->join_group(join_request(old), rig.context_of(9)));
  EXPECT_EQ(join(another).error_code, ErrorCode::none);
  EXPECT_EQ(rig.wait(again).error_code, ErrorCode::none);
}

TEST_F(Migration, is_refused_by_policy_and_for_what_are_no_consumers) {
  Classic old{};
  ASSERT_EQ(enter(old), ErrorCode::none);
  rig.config.consumer_migration = MigrationPolicy::downgrade;
  rig.coordinator->set_config(rig.config);
  Modern member{"new"};
  const auto refused = send(member);
  EXPECT_EQ(refused.error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(refused.error_message,
            "Cannot upgrade classic group g to consumer group because online upgrade is disabled.");
  EXPECT_EQ(beat(old), ErrorCode::none);
  rig.config.consumer_migration = MigrationPolicy::upgrade;
  rig.coordinator->set_config(rig.config);
  EXPECT_EQ(send(member).error_code, ErrorCode::none);
  EXPECT_EQ(leave(member), ErrorCode::none);
  EXPECT_EQ(type(), "consumer");  // going back is not allowed
  settle({&old}, {});
}

TEST_F(Migration, of_members_whose_bytes_are_no_subscription_is_refused) {
  const auto joined = rig.run(rig.coordinator->join_group(rig.join_request("g"), rig.context_of(3)));
  ASSERT_EQ(joined.error_code, ErrorCode::none);
  Modern member{"new"};
  EXPECT_EQ(send(member).error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(type(), "classic");
  EXPECT_EQ(rig.heartbeat("g", joined.member_id, joined.generation_id), ErrorCode::none);
}

TEST_F(Migration, whoever_waits_in_a_classic_group_is_told_to_join_again) {
  Classic waiting{};
  waiting.id = rig.run(rig.coordinator->join_group(join_request(waiting), rig.context_of(9))).member_id;
  const auto pending = rig.start(rig.coordinator->join_group(join_request(waiting), rig.context_of(9)));
  rig.pass(1s);
  ASSERT_FALSE(pending->has_value());
  Modern member{"new"};
  EXPECT_EQ(send(member).error_code, ErrorCode::none);
  EXPECT_EQ(rig.wait(pending).error_code, ErrorCode::rebalance_in_progress);
  settle({&waiting}, {&member});
}

TEST_F(Migration, classic_members_of_a_consumer_group_are_held_to_the_classic_rules) {
  Modern modern{"new"};
  EXPECT_EQ(send(modern).error_code, ErrorCode::none);
  Classic old{};
  settle({&old}, {&modern});
  EXPECT_EQ(rig.heartbeat("g", old.id, old.generation + 1), ErrorCode::illegal_generation);
  EXPECT_EQ(rig.heartbeat("g", "nobody", old.generation), ErrorCode::unknown_member_id);
  EXPECT_EQ(rig.heartbeat("g", "new", modern.epoch), ErrorCode::unknown_member_id);
  auto alien = join_request(Classic{});
  alien.protocol_type = "connect";
  EXPECT_EQ(rig.run(rig.coordinator->join_group(alien, rig.context_of(3))).error_code,
            ErrorCode::inconsistent_group_protocol);
  alien = join_request(Classic{});
  alien.protocols = {{"custom", alien.protocols[0].metadata}};
  EXPECT_EQ(rig.run(rig.coordinator->join_group(alien, rig.context_of(3))).error_code,
            ErrorCode::inconsistent_group_protocol);
  alien = join_request(Classic{});
  alien.protocols[0].metadata = Buffer::copy_of(as_bytes("nonsense"));
  EXPECT_EQ(rig.run(rig.coordinator->join_group(alien, rig.context_of(3))).error_code, ErrorCode::unknown_server_error);
  wire::SyncGroupRequest stale;
  stale.group_id = "g";
  stale.member_id = old.id;
  stale.generation_id = old.generation - 1;
  EXPECT_EQ(rig.run(rig.coordinator->sync_group(stale, rig.context_of(3))).error_code, ErrorCode::illegal_generation);
  const auto commit = CoordRig::commit_request("g", {{.topic = "t", .offset = 7}}, old.generation, old.id);
  EXPECT_EQ(rig.run(rig.coordinator->offset_commit(commit, rig.context_of(8))).topics[0].partitions[0].error_code,
            ErrorCode::none);
  wire::LeaveGroupRequest gone;
  gone.group_id = "g";
  gone.members = {{old.id, std::nullopt, std::nullopt}, {"new", std::nullopt, std::nullopt}};
  const auto left = rig.run(rig.coordinator->leave_group(gone, rig.context_of(5)));
  EXPECT_EQ(left.members.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(left.members.at(1).error_code, ErrorCode::unknown_member_id);
  settle({}, {&modern});
}

TEST_F(Migration, a_classic_member_that_does_not_join_again_in_time_is_out) {
  Classic old{};
  ASSERT_EQ(enter(old), ErrorCode::none);
  Modern modern{"new"};
  EXPECT_EQ(send(modern).error_code, ErrorCode::none);
  for (int i = 0; i < 14; ++i) {  // it goes on with heartbeats, and ignores what they say
    if (beat(old) != ErrorCode::rebalance_in_progress) break;
    rig.pass(5s);
    EXPECT_EQ(send(modern).error_code, ErrorCode::none);
  }
  EXPECT_EQ(beat(old), ErrorCode::unknown_member_id);
  settle({}, {&modern});
}

}  // namespace
}  // namespace chronik::coord
