// What each request answers, by version and by what is wrong with it.
#include <gtest/gtest.h>

#include "coord/find_coordinator.h"
#include "coord/test_coord_rig.h"
#include "coord/write_errors.h"

namespace chronik::coord {
namespace {

using enum wire::ErrorCode;

/// A consumer in a stable group of its own; gives its member id. Generation 1.
std::string settle_one(CoordRig& rig, const std::string& group, const std::string& type = "consumer") {
  auto request = rig.join_request(group);
  request.protocol_type = type;
  const auto joined = rig.run(rig.coordinator->join_group(request, rig.context_of(3)));
  const auto synced = rig.run(rig.coordinator->sync_group(CoordRig::sync_request(group, joined), rig.context_of(5)));
  EXPECT_EQ(synced.error_code, none);
  return joined.member_id;
}

TEST(Requests, join_checks_group_and_session) {
  CoordRig rig;
  const auto code = [&](wire::JoinGroupRequest request) {
    return rig.run(rig.coordinator->join_group(std::move(request), rig.context_of(4))).error_code;
  };
  EXPECT_EQ(code(rig.join_request("")), invalid_group_id);
  EXPECT_EQ(code(rig.join_request("g", "whoever")), unknown_member_id);
  auto request = rig.join_request("g");
  request.session_timeout_ms = 5999;
  EXPECT_EQ(code(request), invalid_session_timeout);
  request.session_timeout_ms = 1'800'001;
  EXPECT_EQ(code(request), invalid_session_timeout);
  EXPECT_EQ(rig.state_of("g"), "Dead");  // no trace is left
  request.session_timeout_ms = 6000;
  EXPECT_EQ(code(request), member_id_required);
}

TEST(Requests, sync_of_version_5_must_name_the_protocol) {
  CoordRig rig;
  wire::SyncGroupRequest request;
  request.group_id = "g";
  EXPECT_EQ(rig.run(rig.coordinator->sync_group(request, rig.context_of(5))).error_code, inconsistent_group_protocol);
  EXPECT_EQ(rig.run(rig.coordinator->sync_group(request, rig.context_of(4))).error_code, unknown_member_id);
}

TEST(Requests, leaving_answers_by_version) {
  CoordRig rig;
  const std::string id = settle_one(rig, "g");
  wire::LeaveGroupRequest request;
  request.group_id = "g";
  request.member_id = "nobody";
  EXPECT_EQ(rig.run(rig.coordinator->leave_group(request, rig.context_of(2))).error_code, unknown_member_id);
  request.members = {{"nobody", std::nullopt, std::nullopt}, {id, std::nullopt, std::nullopt}};
  const auto answer = rig.run(rig.coordinator->leave_group(request, rig.context_of(3)));
  EXPECT_EQ(answer.error_code, none);
  ASSERT_EQ(answer.members.size(), 2U);
  EXPECT_EQ(answer.members[0].error_code, unknown_member_id);
  EXPECT_EQ(answer.members[1].error_code, none);
  EXPECT_EQ(rig.state_of("g"), "Empty");
  request.group_id = "other";
  EXPECT_EQ(rig.run(rig.coordinator->leave_group(request, rig.context_of(3))).members[0].error_code, unknown_member_id);
}

TEST(Requests, commits_are_checked_one_by_one) {
  CoordRig rig;
  const std::string longest(4096, 'x');
  const auto answer = rig.run(rig.committing(
      "g",
      {{"t", 0, 1, longest}, {"t", 1, 1, longest + "x"}, {"t", 64, 1}, {"t", -1, 1}, {"missing", 0, 1}, {"u", 3, 8}}));
  std::vector<wire::ErrorCode> codes;
  for (const auto& topic : answer.topics) {
    for (const auto& partition : topic.partitions) codes.push_back(partition.error_code);
  }
  EXPECT_EQ(codes, (std::vector{none, offset_metadata_too_large, unknown_topic_or_partition, unknown_topic_or_partition,
                                unknown_topic_or_partition, none}));
  EXPECT_EQ(rig.fetch("g").size(), 2U);
}

TEST(Requests, commits_need_membership_once_there_are_members) {
  CoordRig rig;
  const std::string id = settle_one(rig, "g");
  const auto code = [&](std::int32_t generation, const std::string& member, const std::string& group = "g",
                        std::int16_t version = 8) {
    const auto request = CoordRig::commit_request(group, {{"t", 0, 1}}, generation, member);
    return rig.run(rig.coordinator->offset_commit(request, rig.context_of(version))).topics[0].partitions[0].error_code;
  };
  EXPECT_EQ(code(1, id), none);
  EXPECT_EQ(code(0, id), illegal_generation);
  EXPECT_EQ(code(1, "other"), unknown_member_id);
  EXPECT_EQ(code(-1, ""), unknown_member_id);
  EXPECT_EQ(code(3, "m", "unknown"), illegal_generation);
  EXPECT_EQ(code(3, "m", "unknown", 9), group_id_not_found);
  EXPECT_EQ(code(-1, "", ""), none);  // the empty group id is good for offsets
}

TEST(Requests, version_10_names_topics_by_id) {
  CoordRig rig;
  auto request = CoordRig::commit_request("g", {{"", 7, 70}});
  request.topics[0].topic_id = topic_id(2);
  auto& unknown = request.topics.emplace_back(request.topics[0]);
  unknown.topic_id = topic_id(99);
  const auto committed = rig.run(rig.coordinator->offset_commit(request, rig.context_of(10)));
  EXPECT_EQ(committed.topics[0].partitions[0].error_code, none);
  EXPECT_EQ(committed.topics[0].topic_id, topic_id(2));
  EXPECT_EQ(committed.topics[1].partitions[0].error_code, unknown_topic_id);

  wire::OffsetFetchRequest fetch;
  auto& group = fetch.groups.emplace_back();
  group.group_id = "g";
  group.topics.emplace();
  group.topics->push_back({"", topic_id(2), {PartitionIndex(7), PartitionIndex(8)}});
  group.topics->push_back({"", topic_id(99), {PartitionIndex(0)}});
  auto answer = rig.coordinator->offset_fetch(fetch, rig.context_of(10)).groups[0];
  EXPECT_EQ(answer.topics[0].partitions[0].committed_offset, Offset(70));
  EXPECT_EQ(answer.topics[0].partitions[1].committed_offset, Offset(-1));
  EXPECT_EQ(answer.topics[0].partitions[1].metadata, "");
  EXPECT_EQ(answer.topics[1].partitions[0].error_code, unknown_topic_id);
  fetch.groups[0].topics.reset();
  answer = rig.coordinator->offset_fetch(fetch, rig.context_of(10)).groups[0];
  ASSERT_EQ(answer.topics.size(), 1U);
  EXPECT_EQ(answer.topics[0].topic_id, topic_id(2));
}

TEST(Requests, offsets_of_a_topic_made_anew_under_the_same_name_are_none) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 50}}), none);
  rig.topics.add("t", 77, 64);
  EXPECT_TRUE(rig.fetch("g").empty());
  rig.coordinator->topics_changed();
  rig.pass(1s);
  rig.topics.add("t", 2, 64);
  EXPECT_TRUE(rig.fetch("g").empty());  // it was removed, not hidden
}

TEST(Requests, fetching_before_version_8) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 5}}), none);
  wire::OffsetFetchRequest request;
  request.group_id = "g";
  request.topics.emplace();
  request.topics->push_back({"t", {PartitionIndex(0), PartitionIndex(1)}});
  auto answer = rig.coordinator->offset_fetch(request, rig.context_of(7));
  ASSERT_EQ(answer.topics.size(), 1U);
  EXPECT_EQ(answer.topics[0].partitions[0].committed_offset, Offset(5));
  EXPECT_EQ(answer.topics[0].partitions[1].committed_offset, Offset(-1));
  rig.coordinator->disown(offsets_partition("g", CoordRig::kPartitions));
  answer = rig.coordinator->offset_fetch(request, rig.context_of(7));
  EXPECT_EQ(answer.error_code, not_coordinator);
  EXPECT_TRUE(answer.topics.empty());
  answer = rig.coordinator->offset_fetch(request, rig.context_of(1));
  EXPECT_EQ(answer.topics[0].partitions[1].error_code, not_coordinator);
}

TEST(Requests, describing_unknown_groups_by_version) {
  CoordRig rig;
  wire::DescribeGroupsRequest request;
  request.groups = {"nothing"};
  auto answer = rig.coordinator->describe_groups(request, rig.context_of(5)).groups[0];
  EXPECT_EQ(answer.error_code, none);
  EXPECT_EQ(answer.group_state, "Dead");
  answer = rig.coordinator->describe_groups(request, rig.context_of(6)).groups[0];
  EXPECT_EQ(answer.error_code, group_id_not_found);
  EXPECT_TRUE(answer.error_message.has_value());
}

TEST(Requests, listing_with_filters) {
  CoordRig rig;
  settle_one(rig, "stable");
  ASSERT_EQ(rig.commit("simple", {{"t", 0, 5}}), none);
  const auto list = [&](std::vector<std::string> states, std::vector<std::string> types) {
    wire::ListGroupsRequest request{.states_filter = std::move(states), .types_filter = std::move(types)};
    std::vector<std::string> ids;
    for (const auto& group : rig.coordinator->list_groups(request, rig.context_of(5)).groups) {
      EXPECT_EQ(group.group_type, "classic");
      ids.push_back(group.group_id + ":" + group.protocol_type + ":" + group.group_state);
    }
    return ids;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(list({}, {}), (Ids{"simple::Empty", "stable:consumer:Stable"}));
  EXPECT_EQ(list({"sTABLE"}, {"Classic"}), (Ids{"stable:consumer:Stable"}));
  EXPECT_EQ(list({"Empty", "Dead"}, {}), (Ids{"simple::Empty"}));
  EXPECT_EQ(list({}, {"consumer"}), Ids{});
}

TEST(Requests, deleting_groups) {
  CoordRig rig;
  settle_one(rig, "busy");
  ASSERT_EQ(rig.commit("simple", {{"t", 0, 5}, {"u", 2, 6}}), none);
  wire::DeleteGroupsRequest request;
  request.groups_names = {"busy", "simple", "nothing"};
  const auto answer = rig.run(rig.coordinator->delete_groups(request, rig.context_of(2)));
  ASSERT_EQ(answer.results.size(), 3U);
  EXPECT_EQ(answer.results[0].error_code, non_empty_group);
  EXPECT_EQ(answer.results[1].error_code, none);
  EXPECT_EQ(answer.results[2].error_code, group_id_not_found);
  EXPECT_EQ(rig.state_of("simple"), "Dead");
  rig.restart();
  EXPECT_TRUE(rig.fetch("simple").empty());
  EXPECT_EQ(rig.state_of("simple"), "Dead");
}

TEST(Requests, a_deletion_covers_the_commit_before_it) {
  CoordRig rig;
  const auto commit = rig.start(rig.committing("g", {{"t", 0, 5}}));
  rig.pass(0ms);
  wire::DeleteGroupsRequest request;
  request.groups_names = {"g"};
  const auto deleted = rig.start(rig.coordinator->delete_groups(request, rig.context_of(2)));
  EXPECT_EQ(rig.wait(commit).topics[0].partitions[0].error_code, none);
  EXPECT_EQ(rig.wait(deleted).results[0].error_code, none);
  rig.restart();
  EXPECT_TRUE(rig.fetch("g").empty());
}

TEST(Requests, a_deletion_that_cannot_be_written_leaves_the_group) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 5}}), none);
  rig.machine.disk_faults().stalled = true;
  wire::DeleteGroupsRequest request;
  request.groups_names = {"g"};
  const auto answer = rig.run(rig.coordinator->delete_groups(request, rig.context_of(2, 1s)));
  EXPECT_EQ(answer.results[0].error_code, coordinator_not_available);
  rig.pass(60s);  // the log gives up
  EXPECT_EQ(rig.state_of("g"), "Empty");
  EXPECT_EQ(rig.fetch("g").size(), 1U);
}

TEST(Requests, deleting_offsets) {
  CoordRig rig;
  ASSERT_EQ(rig.commit("g", {{"t", 0, 5}, {"t", 1, 6}, {"u", 2, 7}}), none);
  wire::OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics.push_back({"t", {{PartitionIndex(0)}, {PartitionIndex(9)}}});
  request.topics.push_back({"missing", {{PartitionIndex(0)}}});
  const auto answer = rig.run(rig.coordinator->offset_delete(request, rig.context_of(0)));
  EXPECT_EQ(answer.error_code, none);
  EXPECT_EQ(answer.topics[0].partitions[0].error_code, none);
  EXPECT_EQ(answer.topics[0].partitions[1].error_code, none);
  EXPECT_EQ(answer.topics[1].partitions[0].error_code, unknown_topic_or_partition);
  rig.restart();
  EXPECT_FALSE(rig.fetch("g").contains("t-0"));
  EXPECT_EQ(rig.fetch("g").size(), 2U);
  request.group_id = "nothing";
  EXPECT_EQ(rig.run(rig.coordinator->offset_delete(request, rig.context_of(0))).error_code, group_id_not_found);
}

TEST(Requests, offsets_of_subscribed_topics_are_not_deleted) {
  CoordRig rig;
  settle_one(rig, "consumes");  // its metadata says no topics: it counts as subscribed to all
  settle_one(rig, "connects", "connect");
  wire::OffsetDeleteRequest request;
  request.group_id = "consumes";
  request.topics.push_back({"t", {{PartitionIndex(0)}}});
  const auto answer = rig.run(rig.coordinator->offset_delete(request, rig.context_of(0)));
  EXPECT_EQ(answer.error_code, none);
  EXPECT_EQ(answer.topics[0].partitions[0].error_code, group_subscribed_to_topic);
  request.group_id = "connects";
  EXPECT_EQ(rig.run(rig.coordinator->offset_delete(request, rig.context_of(0))).error_code, non_empty_group);
}

TEST(Requests, the_offsets_topic_is_made_when_first_needed) {
  CoordRig rig;
  rig.topics.topics.erase("__consumer_offsets");
  EXPECT_EQ(rig.commit("g", {{"t", 0, 5}}), coordinator_not_available);
  rig.pass(1s);
  EXPECT_EQ(rig.topics.creations, 1);
  rig.topics.topics.erase("__consumer_offsets");
  const Endpoint self{BrokerId(3), "host", 9092};
  wire::FindCoordinatorRequest request;
  request.key = "g";
  auto answer = rig.run(find_group_coordinator(request, 3, rig.topics, 50, self, rig.in(1s)));
  EXPECT_EQ(answer.error_code, none);
  EXPECT_EQ(answer.node_id, BrokerId(3));
  EXPECT_EQ(rig.topics.creations, 2);
  request.coordinator_keys = {"a", "b"};
  answer = rig.run(find_group_coordinator(request, 4, rig.topics, 50, self, rig.in(1s)));
  ASSERT_EQ(answer.coordinators.size(), 2U);
  EXPECT_EQ(answer.coordinators[1].host, "host");
  EXPECT_EQ(rig.topics.creations, 2);
  rig.topics.topics.erase("__consumer_offsets");
  rig.topics.refuse_creation = true;
  answer = rig.run(find_group_coordinator(request, 4, rig.topics, 50, self, rig.in(1s)));
  EXPECT_EQ(answer.coordinators[0].error_code, coordinator_not_available);
  EXPECT_EQ(answer.coordinators[0].node_id, BrokerId(-1));
  request.key_type = wire::CoordinatorType::transaction;
  EXPECT_EQ(rig.run(find_group_coordinator(request, 4, rig.topics, 50, self, rig.in(1s))).error_code, invalid_request);
}

// lesson: clients saw success for failed writes
TEST(Requests, no_failed_write_becomes_success) {
  for (int code = -1; code < 140; ++code) {
    EXPECT_NE(commit_error(static_cast<wire::ErrorCode>(code)), none);
    EXPECT_NE(group_error(static_cast<wire::ErrorCode>(code)), none);
  }
  EXPECT_EQ(commit_error(not_enough_replicas), coordinator_not_available);
  EXPECT_EQ(commit_error(message_too_large), invalid_commit_offset_size);
  EXPECT_EQ(commit_error(kafka_storage_error), not_coordinator);
}

TEST(Requests, a_commit_larger_than_a_batch_may_be_is_refused_by_name) {
  GroupConfig config;
  config.offset_metadata_max_bytes = 60'000;
  CoordRig rig(1, config);
  std::vector<Commit> commits;
  for (int i = 0; i < 10; ++i) commits.push_back({"t", i, i, std::string(60'000, 'x')});
  EXPECT_EQ(rig.commit("g", commits), invalid_commit_offset_size);
  EXPECT_EQ(rig.state_of("g"), "Dead");
}

}  // namespace
}  // namespace chronik::coord
