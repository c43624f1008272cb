// The new consumer protocol through the coordinator: durable before answered, restarts, time-outs, the other group
// APIs, and the way between the protocols.
#include <gtest/gtest.h>

#include <algorithm>

#include "coord/test_coord_rig.h"

namespace chronik::coord {
namespace {

using wire::ErrorCode;
using Request = wire::ConsumerGroupHeartbeatRequest;
using Response = wire::ConsumerGroupHeartbeatResponse;

Request join(const std::string& member, std::vector<std::string> names, const std::string& group = "g") {
  Request request;
  request.group_id = group;
  request.member_id = member;
  request.rebalance_timeout_ms = 60'000;
  request.subscribed_topic_names = std::move(names);
  request.topic_partitions.emplace();
  return request;
}
Request beat(const std::string& member, std::int32_t epoch, const std::string& group = "g") {
  Request request;
  request.group_id = group;
  request.member_id = member;
  request.member_epoch = epoch;
  return request;
}

class ConsumerRequests : public testing::Test {
 protected:
  Response send(Request request, std::int16_t version = 1) {
    return rig.run(rig.coordinator->consumer_group_heartbeat(std::move(request), rig.context_of(version)));
  }
  wire::ConsumerGroupDescribeResponse::Group describe(const std::string& group = "g") {
    wire::ConsumerGroupDescribeRequest request;
    request.group_ids = {group};
    return rig.run(rig.coordinator->consumer_group_describe(request, rig.context_of(1))).groups.at(0);
  }
  ErrorCode commit(const std::string& member, std::int32_t epoch, std::int16_t version = 9) {
    const auto request = CoordRig::commit_request("g", {{.topic = "t", .offset = 7}}, epoch, member);
    return rig.run(rig.coordinator->offset_commit(request, rig.context_of(version)))
        .topics.at(0)
        .partitions.at(0)
        .error_code;
  }
  std::pair<std::string, std::string> listed(const wire::ListGroupsRequest& request = {}) {
    const auto response = rig.coordinator->list_groups(request, rig.context_of(5));
    if (response.groups.empty()) return {};
    return {response.groups.at(0).group_type, response.groups.at(0).group_state};
  }
  ErrorCode delete_group(const std::string& group = "g") {
    wire::DeleteGroupsRequest request;
    request.groups_names = {group};
    return rig.run(rig.coordinator->delete_groups(request, rig.context_of(2))).results.at(0).error_code;
  }
  wire::JoinGroupResponse join_classic(const std::string& member = {}) {
    return rig.run(rig.coordinator->join_group(rig.join_request("g", member), rig.context_of(3)));
  }

  CoordRig rig;
};

TEST_F(ConsumerRequests, members_survive_a_restart_at_their_epochs) {
  const auto first = send(join("a", {"t"}));
  ASSERT_EQ(first.error_code, ErrorCode::none);
  ASSERT_TRUE(first.assignment);
  EXPECT_EQ(first.assignment->topic_partitions.at(0).partitions.size(), 64U);
  EXPECT_EQ(commit("a", 1), ErrorCode::none);
  rig.restart();
  const auto after = describe();
  EXPECT_EQ(after.error_code, ErrorCode::none);
  EXPECT_EQ(after.group_state, "Stable");
  EXPECT_EQ(after.group_epoch, 1);
  ASSERT_EQ(after.members.size(), 1U);
  EXPECT_EQ(after.members[0].assignment.topic_partitions.at(0).topic_name, "t");
  EXPECT_EQ(after.members[0].member_type, 1);
  EXPECT_EQ(send(beat("a", 1)).error_code, ErrorCode::none);
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(7));
  rig.pass(50s);
  EXPECT_EQ(describe().group_state, "Empty");
  rig.restart();
  EXPECT_EQ(describe().group_state, "Empty");
  EXPECT_EQ(send(beat("a", 1)).error_code, ErrorCode::unknown_member_id);
}

TEST_F(ConsumerRequests, a_join_that_was_cut_off_has_happened_or_not) {
  for (int run = 0; run < 30; ++run) {
    const std::string member = "m" + std::to_string(run);
    const auto pending = rig.start(rig.coordinator->consumer_group_heartbeat(join(member, {"t"}), rig.context_of(1)));
    rig.pass(std::chrono::microseconds(run * 40));
    const bool answered = pending->has_value();
    rig.restart();
    const auto group = describe();
    const bool known = group.error_code == ErrorCode::none &&
                       std::ranges::any_of(group.members, [&](const auto& m) { return m.member_id == member; });
    if (answered) EXPECT_TRUE(known) << "answered, and then forgotten";
  }
}

TEST_F(ConsumerRequests, of_version_0_may_leave_the_member_id_to_us) {
  EXPECT_EQ(send(join("", {"t"})).error_code, ErrorCode::invalid_request);
  const auto response = send(join("", {"t"}), 0);
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.member_id->size(), 36U);
}

TEST_F(ConsumerRequests, name_groups_that_are_not_there) {
  EXPECT_EQ(send(beat("a", 1)).error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(send(beat("a", -1)).error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(describe().error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(listed(), (std::pair<std::string, std::string>{}));
  EXPECT_EQ(rig.commit("h", {{.topic = "t", .offset = 1}}), ErrorCode::none);
  EXPECT_EQ(send(beat("a", 1, "h")).error_code, ErrorCode::group_id_not_found);
}

TEST_F(ConsumerRequests, silent_members_are_removed_durably) {
  send(join("a", {"t"}));
  send(join("b", {"t"}));
  for (int i = 0; i < 10; ++i) {
    rig.pass(5s);
    Request request = beat("b", describe().members.back().member_epoch);
    request.topic_partitions.emplace();
    EXPECT_EQ(send(request).error_code, ErrorCode::none);
  }
  ASSERT_EQ(describe().members.size(), 1U);
  EXPECT_EQ(describe().members[0].assignment.topic_partitions.at(0).partitions.size(), 64U);
  rig.restart();
  ASSERT_EQ(describe().members.size(), 1U);
  EXPECT_EQ(describe().members[0].member_id, "b");
}

TEST_F(ConsumerRequests, other_apis_know_the_group_for_what_it_is) {
  send(join("a", {"t"}));
  EXPECT_EQ(listed(), (std::pair<std::string, std::string>{"consumer", "Stable"}));
  wire::ListGroupsRequest filter;
  filter.types_filter = {"classic"};
  EXPECT_EQ(listed(filter).first, "");
  filter.types_filter = {"Consumer"};
  filter.states_filter = {"stable"};
  EXPECT_EQ(listed(filter).first, "consumer");
  EXPECT_EQ(rig.state_of("g"), "Dead");
  wire::DescribeGroupsRequest old;
  old.groups = {"g"};
  const auto described = rig.coordinator->describe_groups(old, rig.context_of(6)).groups.at(0);
  EXPECT_EQ(described.error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(described.error_message, "Group g is not a classic group.");
  EXPECT_EQ(rig.heartbeat("g", "a", 1), ErrorCode::unknown_member_id);
  EXPECT_EQ(delete_group(), ErrorCode::non_empty_group);

  EXPECT_EQ(commit("a", 1), ErrorCode::none);
  EXPECT_EQ(commit("a", 2), ErrorCode::stale_member_epoch);
  EXPECT_EQ(commit("a", 0), ErrorCode::stale_member_epoch);
  EXPECT_EQ(commit("a", 1, 8), ErrorCode::unsupported_version);
  EXPECT_EQ(commit("x", 1), ErrorCode::unknown_member_id);
  EXPECT_EQ(commit("", -1), ErrorCode::unknown_member_id);
  wire::OffsetFetchRequest fetch;
  fetch.groups.push_back({"g", "a", 2, std::nullopt});
  fetch.groups.push_back({"g", "x", 1, std::nullopt});
  fetch.groups.push_back({"g", "a", 1, std::nullopt});
  const auto fetched = rig.coordinator->offset_fetch(fetch, rig.context_of(9));
  EXPECT_EQ(fetched.groups.at(0).error_code, ErrorCode::stale_member_epoch);
  EXPECT_EQ(fetched.groups.at(1).error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(fetched.groups.at(2).error_code, ErrorCode::none);

  wire::OffsetDeleteRequest drop;
  drop.group_id = "g";
  drop.topics.push_back({"t", {{PartitionIndex(0)}}});
  EXPECT_EQ(rig.run(rig.coordinator->offset_delete(drop, rig.context_of(0))).topics.at(0).partitions.at(0).error_code,
            ErrorCode::group_subscribed_to_topic);
}

TEST_F(ConsumerRequests, an_empty_group_is_deleted_for_good) {
  send(join("a", {"t"}));
  EXPECT_EQ(commit("a", 1), ErrorCode::none);
  EXPECT_EQ(send(beat("a", -1)).error_code, ErrorCode::none);
  EXPECT_EQ(delete_group(), ErrorCode::none);
  EXPECT_EQ(describe().error_code, ErrorCode::group_id_not_found);
  rig.restart();
  EXPECT_EQ(describe().error_code, ErrorCode::group_id_not_found);
  EXPECT_TRUE(rig.fetch("g").empty());
}

TEST_F(ConsumerRequests, topics_of_an_expression_arrive_by_themselves) {
  Request request = join("a", {});
  request.subscribed_topic_names.reset();
  request.subscribed_topic_regex = "u|late.*";
  EXPECT_EQ(send(request).error_code, ErrorCode::none);
  rig.pass(1s);
  const auto told = send(beat("a", 1));
  ASSERT_TRUE(told.assignment);
  EXPECT_EQ(told.member_epoch, 2);
  EXPECT_EQ(told.assignment->topic_partitions.at(0).topic_id, topic_id(3));
  rig.restart();
  EXPECT_EQ(send(beat("a", 2)).error_code, ErrorCode::none);
  for (int i = 0; i < 2000; ++i) rig.topics.add("topic-" + std::to_string(i), static_cast<std::uint8_t>(i % 100), 1);
  rig.topics.add("later", 200, 3);
  rig.pass(12s);
  EXPECT_EQ(send(beat("a", 2)).error_code, ErrorCode::none);
  rig.pass(1s);
  const auto more = send(beat("a", 2));
  ASSERT_TRUE(more.assignment);
  EXPECT_EQ(more.assignment->topic_partitions.size(), 2U);
  EXPECT_EQ(describe().members.at(0).subscribed_topic_regex, "u|late.*");
}

TEST_F(ConsumerRequests, an_empty_group_changes_its_protocol_and_keeps_its_offsets) {
  EXPECT_EQ(rig.commit("g", {{.topic = "t", .offset = 3}}), ErrorCode::none);
  EXPECT_EQ(listed().first, "classic");
  EXPECT_EQ(send(join("a", {"t"})).error_code, ErrorCode::none);
  EXPECT_EQ(listed().first, "consumer");
  rig.restart();
  EXPECT_EQ(listed().first, "consumer");
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(3));
  EXPECT_EQ(send(beat("a", -1)).error_code, ErrorCode::none);
  const auto joined = join_classic();
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(listed().first, "classic");
  EXPECT_EQ(describe().error_code, ErrorCode::group_id_not_found);
  rig.restart();
  EXPECT_EQ(listed().first, "classic");
  EXPECT_EQ(rig.fetch("g").at("t-0").committed_offset, Offset(3));
}

TEST_F(ConsumerRequests, memory_is_bounded) {
  rig.config.memory_bytes_max = 64'000;
  rig.coordinator->set_config(rig.config);
  ErrorCode last = ErrorCode::none;
  for (int i = 0; i < 1000 && last == ErrorCode::none; ++i)
    last = send(join("m" + std::to_string(i), {"t"})).error_code;
  EXPECT_EQ(last, ErrorCode::coordinator_not_available);
}

TEST_F(ConsumerRequests, steady_heartbeats_write_nothing) {
  send(join("a", {"t"}));
  const auto end = rig.log->find({topic_id(1), offsets_partition("g", CoordRig::kPartitions)})->high_watermark();
  for (int i = 0; i < 20; ++i) {
    rig.pass(3s);
    EXPECT_EQ(send(beat("a", 1)).error_code, ErrorCode::none);
  }
  EXPECT_EQ(rig.log->find({topic_id(1), offsets_partition("g", CoordRig::kPartitions)})->high_watermark(), end);
}

TEST_F(ConsumerRequests, that_cannot_be_written_are_errors_and_nothing_half_done_is_told) {
  ASSERT_EQ(send(join("a", {"t"})).error_code, ErrorCode::none);
  rig.machine.disk_faults().fail_syncs = true;
  EXPECT_NE(send(join("b", {"t"})).error_code, ErrorCode::none);
  // What stood in memory is not what stands in the log: until that can be read again nothing is said.
  rig.pass(2s);
  EXPECT_NE(send(beat("b", 2)).error_code, ErrorCode::none);
  EXPECT_NE(send(join("c", {"t"})).error_code, ErrorCode::none);
  rig.machine.disk_faults().fail_syncs = false;
  rig.restart();
  const auto group = describe();
  ASSERT_EQ(group.error_code, ErrorCode::none);
  EXPECT_TRUE(std::ranges::any_of(group.members, [](const auto& m) { return m.member_id == "a"; }));
  EXPECT_FALSE(std::ranges::any_of(group.members, [](const auto& m) { return m.member_id == "c"; }));
}

TEST_F(ConsumerRequests, on_a_stalled_disk_fail_by_their_deadline_and_steady_ones_go_on) {
  ASSERT_EQ(send(join("a", {"t"})).error_code, ErrorCode::none);
  rig.machine.disk_faults().stalled = true;
  rig.machine.disk_faults_changed();
  EXPECT_EQ(send(beat("a", 1)).error_code, ErrorCode::none);
  const Instant before = rig.context().now();
  EXPECT_NE(send(join("a", {"t", "u"})).error_code, ErrorCode::none);
  EXPECT_LE(rig.context().now() - before, 6s);
  rig.machine.disk_faults().stalled = false;
  rig.machine.disk_faults_changed();
}

}  // namespace
}  // namespace chronik::coord
