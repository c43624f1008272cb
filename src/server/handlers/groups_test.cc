// Group requests: they reach the shard that owns the group, wherever the connection is, and what they acknowledge
// survives. What groups do is tested in coord.
#include <set>

#include "server/handlers/operations.h"
#include "server/test_client.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/join_group.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_delete.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/sync_group.h"

namespace chronik::server {
namespace {

using wire::CoordinatorType;
using wire::ErrorCode;

class Groups : public HandlerTest {
 protected:
  /// Until every partition of __consumer_offsets is loaded.
  void find_coordinator() {
    wire::FindCoordinatorRequest request;
    request.coordinator_keys = {"g"};
    ASSERT_EQ(call(request).coordinators.at(0).error_code, ErrorCode::none);
    for (int i = 0; i < 100; ++i) {
      if (call(wire::ListGroupsRequest{}).error_code == ErrorCode::none) return;
      rig().world->run_for(100ms);
    }
    FAIL() << "the groups did not load";
  }
  static wire::JoinGroupRequest join(const std::string& group, const std::string& member = "") {
    wire::JoinGroupRequest request;
    request.group_id = group;
    request.member_id = member;
    request.session_timeout_ms = 30'000;
    request.rebalance_timeout_ms = 60'000;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", Buffer::copy_of(as_bytes("subscription"))});
    return request;
  }
  void sync(const std::string& group, const std::string& leader, std::int32_t generation) {
    wire::SyncGroupRequest request;
    request.group_id = group;
    request.generation_id = generation;
    request.member_id = leader;
    request.protocol_type = "consumer";
    request.protocol_name = "range";
    request.assignments.push_back({leader, Buffer::copy_of(as_bytes("all of it"))});
    const auto synced = call(request);
    EXPECT_EQ(synced.error_code, ErrorCode::none);
    EXPECT_EQ(as_text(synced.assignment.span()), "all of it");
  }
  /// A member of its own group, with its assignment. Its id and generation.
  std::pair<std::string, std::int32_t> enter(const std::string& group) {
    const auto told = call(join(group));
    EXPECT_EQ(told.error_code, ErrorCode::member_id_required);
    const auto joined = call(join(group, told.member_id));
    EXPECT_EQ(joined.error_code, ErrorCode::none);
    EXPECT_EQ(joined.leader, joined.member_id);
    sync(group, joined.member_id, joined.generation_id);
    return {joined.member_id, joined.generation_id};
  }
  wire::OffsetCommitResponse commit(const std::string& group, std::int64_t offset, const std::string& member = "",
                                    std::int32_t generation = -1) {
    wire::OffsetCommitRequest request;
    request.group_id = group;
    request.member_id = member;
    request.generation_id_or_member_epoch = generation;
    request.topics.push_back({"a", {}, {{PartitionIndex(0), Offset(offset), LeaderEpoch(0), "note"}}});
    return call(request, 9);
  }
  ErrorCode commit_error(const std::string& group, std::int64_t offset) {
    return commit(group, offset).topics.at(0).partitions.at(0).error_code;
  }
  std::int64_t fetch(const std::string& group) {
    wire::OffsetFetchRequest request;
    request.group_id = group;
    request.topics.emplace();
    request.topics->push_back({"a", {PartitionIndex(0)}});
    const auto response = call(request, 7);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    return response.topics.at(0).partitions.at(0).committed_offset.value();
  }
  static std::vector<std::string> many() {
    std::vector<std::string> groups;
    for (int i = 0; i < 20; ++i) groups.push_back("group-" + std::to_string(i));
    return groups;
  }
};

TEST_P(Groups, the_coordinator_is_this_node_in_every_version) {
  for (std::int16_t version = 0; version <= wire::FindCoordinatorRequest::kSchema.max; ++version) {
    wire::FindCoordinatorRequest request;
    request.key = "g";
    if (version >= 4) request.coordinator_keys = {"g", "h"};
    const auto response = call(request, version);
    if (version < 4) {
      EXPECT_EQ(response.error_code, ErrorCode::none);
      EXPECT_EQ(response.node_id, rig().node());
      EXPECT_EQ(response.host, "broker");
      EXPECT_EQ(response.port, 9092);
      continue;
    }
    ASSERT_EQ(response.coordinators.size(), 2U);
    EXPECT_EQ(response.coordinators[1].key, "h");
    EXPECT_EQ(response.coordinators[1].node_id, rig().node());
    EXPECT_EQ(response.coordinators[1].error_code, ErrorCode::none);
  }
  const auto topic = rig().image()->find("__consumer_offsets");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->partition_count(), 50);
  EXPECT_TRUE(rig().broker->metadata().view(rig().shards->at(std::size_t{0})).topic_config(*topic).cleanup_compact);
}

TEST_P(Groups, transactions_have_a_coordinator_and_unknown_kinds_have_none) {
  wire::FindCoordinatorRequest request;
  request.key_type = CoordinatorType::transaction;
  request.key = "t";
  const auto old = call(request, 3);
  EXPECT_EQ(old.error_code, ErrorCode::none);
  EXPECT_EQ(old.node_id, rig().node());
  request.coordinator_keys = {"t", "u"};
  const auto batch = call(request);
  ASSERT_EQ(batch.coordinators.size(), 2U);
  for (const auto& coordinator : batch.coordinators) EXPECT_EQ(coordinator.node_id, rig().node());
  request.key_type = static_cast<CoordinatorType>(9);
  EXPECT_EQ(call(request).coordinators.at(0).error_code, ErrorCode::invalid_request);
}

TEST_P(Groups, a_request_before_the_topic_exists_brings_it_about) {
  make_topic("a", 1);
  EXPECT_TRUE(call(wire::ListGroupsRequest{}).groups.empty());
  EXPECT_FALSE(rig().image()->find("__consumer_offsets"));
  EXPECT_EQ(call(join("g")).error_code, ErrorCode::coordinator_not_available);
  ASSERT_TRUE(rig().world->run_until([&] { return rig().image()->find("__consumer_offsets") != nullptr; }, 10s));
  find_coordinator();
  EXPECT_EQ(commit_error("g", 1), ErrorCode::none);
}

TEST_P(Groups, members_join_sync_live_and_leave) {
  find_coordinator();
  const auto [member, generation] = enter("g");
  wire::HeartbeatRequest heartbeat;
  heartbeat.group_id = "g";
  heartbeat.member_id = member;
  heartbeat.generation_id = generation;
  EXPECT_EQ(call(heartbeat).error_code, ErrorCode::none);
  heartbeat.generation_id = generation + 1;
  EXPECT_EQ(call(heartbeat).error_code, ErrorCode::illegal_generation);

  wire::DescribeGroupsRequest describe;
  describe.groups = {"g", "nope"};
  describe.include_authorized_operations = true;
  const auto described = call(describe);
  ASSERT_EQ(described.groups.size(), 2U);
  for (const auto& group : described.groups) {
    if (group.group_id == "nope") {
      EXPECT_EQ(group.error_code, ErrorCode::group_id_not_found);
      continue;
    }
    EXPECT_EQ(group.group_state, "Stable");
    EXPECT_EQ(group.authorized_operations, kGroupOperations);
    ASSERT_EQ(group.members.size(), 1U);
    EXPECT_EQ(group.members[0].client_id, "test");
    EXPECT_EQ(group.members[0].client_host.front(), '/');
  }
  wire::LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.members.push_back({member, std::nullopt, std::nullopt});
  const auto left = call(leave);
  EXPECT_EQ(left.error_code, ErrorCode::none);
  EXPECT_EQ(left.members.at(0).error_code, ErrorCode::none);
}

TEST_P(Groups, a_second_member_makes_the_first_one_join_again) {
  find_coordinator();
  const auto [first, generation] = enter("g");
  SimClient other(rig());
  const auto told = other.call(join("g"));
  auto pending = other.send(join("g", told.member_id));
  rig().world->run_for(1s);
  EXPECT_FALSE(pending->has_value());
  wire::HeartbeatRequest heartbeat;
  heartbeat.group_id = "g";
  heartbeat.member_id = first;
  heartbeat.generation_id = generation;
  EXPECT_EQ(call(heartbeat).error_code, ErrorCode::rebalance_in_progress);
  const auto again = call(join("g", first));
  EXPECT_EQ(again.error_code, ErrorCode::none);
  EXPECT_EQ(again.generation_id, generation + 1);
  const auto joined = other.await<wire::JoinGroupRequest>(pending);
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(joined.generation_id, generation + 1);
  EXPECT_EQ(again.members.size() + joined.members.size(), 2U);  // the leader alone gets the list
}

TEST_P(Groups, a_join_that_waits_longer_than_ten_minutes_is_answered) {
  find_coordinator();
  SimClient other(rig());
  auto first = join("g");
  first.session_timeout_ms = 1'800'000;
  first.rebalance_timeout_ms = 1'500'000;
  auto second = first;
  first.member_id = call(first).member_id;
  ASSERT_EQ(call(first).error_code, ErrorCode::none);
  second.member_id = other.call(second).member_id;
  auto pending = other.send(second);
  rig().world->run_for(1s);
  const auto leading = call(first);
  EXPECT_EQ(leading.members.size(), 2U);
  ASSERT_EQ(other.await<wire::JoinGroupRequest>(pending).error_code, ErrorCode::none);
  sync("g", first.member_id, leading.generation_id);
  pending = client().send(first);  // the leader starts a rebalance; the other one never comes
  rig().world->run_for(20min);
  EXPECT_FALSE(pending->has_value());
  rig().world->run_for(6min);
  ASSERT_TRUE(pending->has_value());
  const auto alone = client().await<wire::JoinGroupRequest>(pending);
  EXPECT_EQ(alone.error_code, ErrorCode::none);
  EXPECT_EQ(alone.members.size(), 1U);
}

TEST_P(Groups, whoever_waits_is_answered_when_the_broker_stops) {
  find_coordinator();
  enter("g");
  SimClient other(rig());
  auto pending = other.send(join("g", other.call(join("g")).member_id));
  rig().world->run_for(1s);
  ASSERT_FALSE(pending->has_value());
  const Instant before = rig().world->now();
  EXPECT_TRUE(rig().run(rig().context(), rig().broker->stop(rig().context().after(30s))));
  EXPECT_LT(rig().world->now() - before, 5s);
  EXPECT_EQ(other.await<wire::JoinGroupRequest>(pending).error_code, ErrorCode::not_coordinator);
}

TEST_P(Groups, commits_come_back_unchanged_also_after_a_restart) {
  make_topic("a", 1);
  find_coordinator();
  std::int64_t offset = 100;
  for (const std::string& group : many()) {
    EXPECT_EQ(fetch(group), -1);
    EXPECT_EQ(commit_error(group, offset), ErrorCode::none);
    EXPECT_EQ(fetch(group), offset);
    ++offset;
  }
  rig().restart();
  reconnect();
  find_coordinator();
  offset = 100;
  for (const std::string& group : many()) EXPECT_EQ(fetch(group), offset++);

  wire::OffsetFetchRequest all;
  const TopicId id = rig().image()->find("a")->id;
  for (const std::string& group : many()) all.groups.push_back({group, std::nullopt, -1, std::nullopt});
  const auto response = call(all);
  ASSERT_EQ(response.groups.size(), many().size());
  std::set<std::string> seen;
  for (const auto& group : response.groups) {
    seen.insert(group.group_id);
    EXPECT_EQ(group.error_code, ErrorCode::none);
    ASSERT_EQ(group.topics.size(), 1U);
    EXPECT_EQ(group.topics[0].topic_id, id);
    EXPECT_EQ(group.topics[0].partitions[0].metadata, "note");
    EXPECT_EQ(group.topics[0].partitions[0].committed_leader_epoch, LeaderEpoch(0));
  }
  EXPECT_EQ(seen.size(), many().size());
}

TEST_P(Groups, commits_name_their_errors) {
  make_topic("a", 1);
  find_coordinator();
  wire::OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.push_back({"nope", {}, {{PartitionIndex(0), Offset(1), LeaderEpoch(-1), std::nullopt}}});
  request.topics.push_back({"a", {}, {{PartitionIndex(1), Offset(1), LeaderEpoch(-1), std::nullopt}}});
  request.topics.push_back({"a", {}, {{PartitionIndex(0), Offset(1), LeaderEpoch(-1), std::string(5000, 'x')}}});
  const auto response = call(request, 9);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics.at(2).partitions.at(0).error_code, ErrorCode::offset_metadata_too_large);
  EXPECT_EQ(commit("g", 1, "stranger", 3).topics.at(0).partitions.at(0).error_code, ErrorCode::group_id_not_found);
}

TEST_P(Groups, of_all_shards_are_listed_and_deleted) {
  make_topic("a", 1);
  find_coordinator();
  for (const std::string& group : many()) ASSERT_EQ(commit_error(group, 1), ErrorCode::none);
  enter("busy");
  const auto listed = call(wire::ListGroupsRequest{});
  EXPECT_EQ(listed.error_code, ErrorCode::none);
  EXPECT_EQ(listed.groups.size(), many().size() + 1);
  wire::ListGroupsRequest stable;
  stable.states_filter = {"Stable"};
  ASSERT_EQ(call(stable).groups.size(), 1U);

  wire::DeleteGroupsRequest request;
  request.groups_names = many();
  request.groups_names.insert(request.groups_names.end(), {"busy", "nope", ""});
  const auto deleted = call(request);
  ASSERT_EQ(deleted.results.size(), many().size() + 3);
  for (const auto& result : deleted.results) {
    const ErrorCode expected = result.group_id == "busy"   ? ErrorCode::non_empty_group
                               : result.group_id == "nope" ? ErrorCode::group_id_not_found
                               : result.group_id.empty()   ? ErrorCode::group_id_not_found
                                                           : ErrorCode::none;
    EXPECT_EQ(result.error_code, expected) << result.group_id;
  }
  EXPECT_EQ(call(wire::ListGroupsRequest{}).groups.size(), 1U);
}

TEST_P(Groups, one_named_twice_is_deleted_once) {
  make_topic("a", 1);
  find_coordinator();
  ASSERT_EQ(commit_error("g", 5), ErrorCode::none);
  wire::DeleteGroupsRequest request;
  request.groups_names = {"g", "none", "g"};
  const auto results = call(request).results;
  ASSERT_EQ(results.size(), 2U);
  for (const auto& result : results) {
    EXPECT_EQ(result.error_code, result.group_id == "g" ? ErrorCode::none : ErrorCode::group_id_not_found);
  }
}

TEST_P(Groups, offsets_are_deleted_with_their_topic_or_on_request) {
  make_topic("a", 1);
  find_coordinator();
  ASSERT_EQ(commit_error("g", 5), ErrorCode::none);
  wire::OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics.push_back({"a", {{PartitionIndex(0)}}});
  const auto response = call(request);
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(fetch("g"), -1);
  request.group_id = "nope";
  EXPECT_EQ(call(request).error_code, ErrorCode::group_id_not_found);
}

INSTANTIATE_TEST_SUITE_P(Shards, Groups, kShardCounts);

}  // namespace
}  // namespace chronik::server
