// Metadata, DescribeCluster, DescribeTopicPartitions: what clients learn of cluster and topics.
#include "wire/messages/metadata.h"

#include "server/handlers/operations.h"
#include "server/test_client.h"
#include "wire/messages/describe_cluster.h"
#include "wire/messages/describe_topic_partitions.h"

namespace chronik::server {
namespace {

using wire::ErrorCode;

static_assert(kTopicOperations == 3576 && kClusterOperations == 8096 && kGroupOperations == 3400);

class Metadata : public HandlerTest {
 protected:
  static wire::MetadataRequest names(std::vector<std::string> wanted, bool create = false) {
    wire::MetadataRequest request;
    request.topics.emplace();
    for (auto& name : wanted) request.topics->push_back({{}, std::move(name)});
    request.allow_auto_topic_creation = create;
    return request;
  }
  static wire::MetadataRequest ids(std::vector<TopicId> wanted) {
    wire::MetadataRequest request;
    request.topics.emplace();
    for (const TopicId id : wanted) request.topics->push_back({id, std::nullopt});
    return request;
  }
};

TEST_P(Metadata, names_this_broker_and_all_topics) {
  make_topic("a", 2);
  make_topic("b", 1);
  for (std::int16_t version = 0; version <= wire::MetadataRequest::kSchema.max; ++version) {
    wire::MetadataRequest all;
    if (version == 0) all.topics.emplace();
    const auto response = call(all, version);
    ASSERT_EQ(response.brokers.size(), 1U);
    EXPECT_EQ(response.brokers[0].host, "broker");
    EXPECT_EQ(response.brokers[0].port, 9092);
    ASSERT_EQ(response.topics.size(), 2U);
    EXPECT_EQ(response.topics[0].name, "a");
    ASSERT_EQ(response.topics[0].partitions.size(), 2U);
    EXPECT_EQ(response.topics[0].partitions[1].leader_id, rig().node());
    if (version >= 2) {
      EXPECT_EQ(response.cluster_id, rig().broker->identity().cluster_id);
    }
    if (version >= 10) {
      EXPECT_EQ(response.topics[0].topic_id, rig().image()->find("a")->id);
    }
  }
  EXPECT_TRUE(call(names({}), 1).topics.empty());
}

TEST_P(Metadata, each_name_is_answered_once_with_its_error) {
  make_topic("a", 1);
  const auto response = call(names({"nope", "a", "a", "b!d"}));
  ASSERT_EQ(response.topics.size(), 3U);
  for (const auto& topic : response.topics) {
    const ErrorCode expected = topic.name == "a"      ? ErrorCode::none
                               : topic.name == "nope" ? ErrorCode::unknown_topic_or_partition
                                                      : ErrorCode::invalid_topic_exception;
    EXPECT_EQ(topic.error_code, expected) << *topic.name;
  }
  EXPECT_FALSE(rig().image()->find("nope"));
}

TEST_P(Metadata, finds_topics_by_id) {
  make_topic("a", 1);
  const TopicId a = rig().image()->find("a")->id;
  TopicId unknown;
  unknown.bytes[9] = 7;
  const auto response = call(ids({a, unknown, a}));
  ASSERT_EQ(response.topics.size(), 2U);
  for (const auto& topic : response.topics) {
    EXPECT_EQ(topic.error_code, topic.topic_id == a ? ErrorCode::none : ErrorCode::unknown_topic_id);
    EXPECT_EQ(topic.name.has_value(), topic.topic_id == a);
  }
  EXPECT_EQ(call(ids({a}), 11).topics[0].error_code, ErrorCode::invalid_request);
}

TEST_P(Metadata, creates_what_is_missing_only_when_both_sides_allow_it) {
  EXPECT_EQ(call(names({"new"}, true)).topics[0].error_code, ErrorCode::none);
  EXPECT_TRUE(rig().image()->find("new"));
  const auto old = call(names({"old"}), 1);  // could not say no yet
  EXPECT_EQ(old.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(call(names({"b!d"}, true)).topics[0].error_code, ErrorCode::invalid_topic_exception);
  const auto internal = call(names({"__consumer_offsets"}, true));
  EXPECT_EQ(internal.topics[0].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(internal.topics[0].is_internal);
  EXPECT_FALSE(rig().image()->find("__consumer_offsets"));
}

TEST_P(Metadata, auto_creation_may_be_disabled) {
  settings_ = {{"auto.create.topics.enable", "false"}};
  EXPECT_EQ(call(names({"new"}, true)).topics[0].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_P(Metadata, authorized_operations_only_when_asked_for) {
  make_topic("a", 1);
  auto request = names({"a"});
  EXPECT_EQ(call(request, 8).topics[0].topic_authorized_operations, wire::kOperationsNotRequested);
  EXPECT_EQ(call(request, 8).cluster_authorized_operations, wire::kOperationsNotRequested);
  request.include_topic_authorized_operations = true;
  request.include_cluster_authorized_operations = true;
  EXPECT_EQ(call(request, 8).topics[0].topic_authorized_operations, kTopicOperations);
  EXPECT_EQ(call(request, 8).cluster_authorized_operations, kClusterOperations);
}

using DescribeCluster = HandlerTest;

TEST_P(DescribeCluster, describes_this_node) {
  for (std::int16_t version = 0; version <= 2; ++version) {
    wire::DescribeClusterRequest request;
    request.include_cluster_authorized_operations = version == 2;
    const auto response = call(request, version);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    EXPECT_EQ(response.cluster_id, rig().broker->identity().cluster_id);
    EXPECT_EQ(response.controller_id, rig().node());
    ASSERT_EQ(response.brokers.size(), 1U);
    EXPECT_EQ(response.brokers[0].broker_id, rig().node());
    EXPECT_EQ(response.cluster_authorized_operations,
              version == 2 ? kClusterOperations : wire::kOperationsNotRequested);
  }
}

TEST_P(DescribeCluster, is_no_controller_endpoint) {
  wire::DescribeClusterRequest request;
  request.endpoint_type = wire::EndpointType::controller;
  EXPECT_EQ(call(request).error_code, ErrorCode::mismatched_endpoint_type);
  request.endpoint_type = static_cast<wire::EndpointType>(9);
  EXPECT_EQ(call(request).error_code, ErrorCode::unsupported_endpoint_type);
}

class DescribeTopicPartitions : public HandlerTest {
 protected:
  using Request = wire::DescribeTopicPartitionsRequest;
  /// "topic-partition" of every row, "topic!CODE" of those in error, then where it goes on.
  std::vector<std::string> page(const Request& request) {
    const auto response = call(request);
    std::vector<std::string> rows;
    for (const auto& topic : response.topics) {
      if (topic.error_code != ErrorCode::none) {
        rows.push_back(*topic.name + "!" + std::string(wire::to_string(topic.error_code)));
      }
      for (const auto& partition : topic.partitions) {
        rows.push_back(*topic.name + "-" + std::to_string(partition.partition_index.value()));
      }
    }
    if (response.next_cursor) {
      rows.push_back(">" + response.next_cursor->topic_name + "-" +
                     std::to_string(response.next_cursor->partition_index.value()));
    }
    return rows;
  }
  using Rows = std::vector<std::string>;
};

TEST_P(DescribeTopicPartitions, goes_through_all_topics_page_by_page) {
  make_topic("a", 2);
  make_topic("b", 3);
  Request request;
  EXPECT_EQ(page(request), (Rows{"a-0", "a-1", "b-0", "b-1", "b-2"}));
  request.response_partition_limit = 2;
  EXPECT_EQ(page(request), (Rows{"a-0", "a-1", ">b-0"}));
  request.cursor = {"b", PartitionIndex(0)};
  EXPECT_EQ(page(request), (Rows{"b-0", "b-1", ">b-2"}));
  request.cursor = {"b", PartitionIndex(2)};
  EXPECT_EQ(page(request), (Rows{"b-2"}));
  request.response_partition_limit = 0;  // at least one
  request.cursor = {"a", PartitionIndex(1)};
  EXPECT_EQ(page(request), (Rows{"a-1", ">b-0"}));
  request.cursor = {"aa", PartitionIndex(5)};  // deleted meanwhile
  EXPECT_EQ(page(request), (Rows{"b-0", ">b-1"}));
}

TEST_P(DescribeTopicPartitions, tells_errors_of_named_topics) {
  make_topic("a", 1);
  Request request;
  request.topics = {{"nope"}, {"a"}, {"b!d"}, {"a"}};
  EXPECT_EQ(page(request), (Rows{"a-0", "b!d!INVALID_TOPIC_EXCEPTION", "nope!UNKNOWN_TOPIC_OR_PARTITION"}));
  request.cursor = {"a", PartitionIndex(-1)};
  const auto response = call(request);
  ASSERT_EQ(response.topics.size(), 4U);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::invalid_request);
}

INSTANTIATE_TEST_SUITE_P(Shards, Metadata, kShardCounts);
INSTANTIATE_TEST_SUITE_P(Shards, DescribeCluster, kShardCounts);
INSTANTIATE_TEST_SUITE_P(Shards, DescribeTopicPartitions, kShardCounts);

}  // namespace
}  // namespace chronik::server
