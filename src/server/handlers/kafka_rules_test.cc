// Rules of Apache Kafka that the differential check (tests/differential) once found broken here: a test for each.
#include <gtest/gtest.h>

#include "server/test_client.h"
#include "wire/messages/alter_configs.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/describe_producers.h"
#include "wire/messages/describe_topic_partitions.h"
#include "wire/messages/fetch.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/offset_for_leader_epoch.h"
#include "wire/messages/produce.h"

namespace chronik::server {
namespace {

using wire::ErrorCode;

Buffer one_record(const wire::BatchOptions& options = {}) {
  wire::RecordBatchBuilder builder(options);
  builder.add(UnixMillis(1'700'000'000'000), std::nullopt, as_bytes("value"));
  return builder.build().value();
}

class KafkaRules : public HandlerTest {
 protected:
  ErrorCode list(UnixMillis timestamp, std::int16_t version, std::int32_t epoch = -1) {
    wire::ListOffsetsRequest request;
    request.topics.push_back({"a", {{PartitionIndex(0), LeaderEpoch(epoch), timestamp}}});
    return call(request, version).topics.at(0).partitions.at(0).error_code;
  }

  wire::FetchResponse::PartitionData fetch(std::int16_t version, const std::string& topic, TopicId id,
                                           wire::FetchRequest::Partition partition) {
    wire::FetchRequest request;
    request.session_epoch = -1;
    partition.partition_max_bytes = 1000;
    auto& asked = request.topics.emplace_back();
    asked.topic = topic;
    asked.topic_id = id;
    asked.partitions.push_back(partition);
    return call(request, version).responses.at(0).partitions.at(0);
  }

  ErrorCode produce_batch(std::int16_t version, Buffer records, std::optional<TopicId> id = {}) {
    wire::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 1000;
    auto& topic = request.topic_data.emplace_back();
    topic.name = "a";
    topic.topic_id = id.value_or(rig().image()->find("a")->id);
    auto& data = topic.partition_data.emplace_back();
    data.index = PartitionIndex(0);
    data.records = std::move(records);
    return call(request, version).responses.at(0).partition_responses.at(0).error_code;
  }
};

TEST_P(KafkaRules, kinds_of_offsets_begin_with_their_version) {
  make_topic("a", 1);
  const std::pair<UnixMillis, std::int16_t> kinds[] = {{wire::kMaxTimestamp, 7},
                                                       {wire::kEarliestLocalTimestamp, 8},
                                                       {wire::kLatestTieredTimestamp, 9},
                                                       {wire::kEarliestPendingUploadTimestamp, 11}};
  for (const auto& [kind, since] : kinds) {
    EXPECT_EQ(list(kind, static_cast<std::int16_t>(since - 1)), ErrorCode::unsupported_version) << kind.value();
    EXPECT_EQ(list(kind, since), ErrorCode::none) << kind.value();
  }
  EXPECT_EQ(list(UnixMillis(-99), 11), ErrorCode::unsupported_version);
  EXPECT_EQ(list(wire::kEarliestTimestamp, 1), ErrorCode::none);
}

TEST_P(KafkaRules, a_partition_named_twice_is_refused_once) {
  make_topic("a", 1);
  wire::ListOffsetsRequest request;
  request.topics.push_back({"a",
                            {{PartitionIndex(0), LeaderEpoch(-1), wire::kLatestTimestamp},
                             {PartitionIndex(0), LeaderEpoch(-1), wire::kEarliestTimestamp}}});
  const auto answers = call(request).topics.at(0).partitions;
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].error_code, ErrorCode::invalid_request);
}

TEST_P(KafkaRules, only_minus_one_means_no_epoch) {
  make_topic("a", 1);
  EXPECT_EQ(list(wire::kLatestTimestamp, 11, -2), ErrorCode::fenced_leader_epoch);
  wire::OffsetForLeaderEpochRequest request;
  request.topics.push_back({"a", {{PartitionIndex(0), LeaderEpoch(-2), LeaderEpoch(0)}}});
  EXPECT_EQ(call(request).topics.at(0).partitions.at(0).error_code, ErrorCode::fenced_leader_epoch);
  // In a fetch every negative epoch means none.
  const TopicId id = rig().image()->find("a")->id;
  EXPECT_EQ(fetch(17, "", id, {.current_leader_epoch = LeaderEpoch(-2)}).error_code, ErrorCode::none);
}

TEST_P(KafkaRules, a_fetcher_from_an_epoch_that_never_was_is_out_of_range) {
  make_topic("a", 1);
  produce("a", 0, 2);
  const TopicId id = rig().image()->find("a")->id;
  const auto answer = fetch(17, "", id, {.fetch_offset = Offset(2), .last_fetched_epoch = LeaderEpoch(99)});
  EXPECT_EQ(answer.error_code, ErrorCode::offset_out_of_range);
}

TEST_P(KafkaRules, no_topic_id_is_an_unknown_one) {
  make_topic("a", 1);
  EXPECT_EQ(fetch(17, "", TopicId{}, {}).error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(produce_batch(13, one_record(), TopicId{}), ErrorCode::unknown_topic_id);
}

// Kafka's answer to a request that it cannot make sense of; where there is nothing to read it does not look.
TEST_P(KafkaRules, a_fetch_with_an_unknown_isolation_level_fails_whole) {
  make_topic("a", 1);
  produce("a", 0, 2);
  wire::FetchRequest request;
  request.isolation_level = static_cast<wire::IsolationLevel>(7);
  request.session_epoch = 0;
  request.topics.push_back({.topic = "a", .partitions = {{}, {.partition = PartitionIndex(9)}}});
  const auto named = call(request, 12);
  EXPECT_EQ(named.error_code, ErrorCode::unknown_server_error);
  EXPECT_EQ(named.session_id, 0);
  ASSERT_EQ(named.responses.size(), 1U);
  ASSERT_EQ(named.responses[0].partitions.size(), 2U);
  for (const auto& partition : named.responses[0].partitions) {
    EXPECT_EQ(partition.error_code, ErrorCode::unknown_server_error);
    EXPECT_EQ(partition.high_watermark, HighWatermark(-1));
    EXPECT_EQ(partition.records.size(), 0U);
  }
  request.topics[0].topic_id = rig().image()->find("a")->id;
  const auto by_id = call(request, 13);
  EXPECT_EQ(by_id.error_code, ErrorCode::unknown_server_error);
  EXPECT_TRUE(by_id.responses.empty());

  request.session_epoch = 3;
  request.session_id = 4;
  EXPECT_EQ(call(request, 12).error_code, ErrorCode::fetch_session_id_not_found);
  request.session_epoch = -1;
  request.topics[0].topic = "b";
  const auto nowhere = call(request, 12);
  EXPECT_EQ(nowhere.error_code, ErrorCode::none);
  EXPECT_EQ(nowhere.responses.at(0).partitions.at(0).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_P(KafkaRules, in_a_fetch_session_an_unknown_isolation_level_counts_as_a_request) {
  make_topic("a", 1);
  produce("a", 0, 2);
  wire::FetchRequest request;
  request.session_epoch = 0;
  request.topics.push_back({.topic = "a", .partitions = {{.partition_max_bytes = 1000}}});
  const auto begun = call(request, 12);
  ASSERT_NE(begun.session_id, 0);
  request.topics.clear();
  request.session_id = begun.session_id;
  request.session_epoch = 1;
  request.isolation_level = static_cast<wire::IsolationLevel>(-1);
  const auto refused = call(request, 12);
  EXPECT_EQ(refused.error_code, ErrorCode::unknown_server_error);
  EXPECT_EQ(refused.session_id, begun.session_id);
  EXPECT_TRUE(refused.responses.empty());
  request.isolation_level = wire::IsolationLevel::read_committed;
  request.session_epoch = 2;
  EXPECT_EQ(call(request, 12).error_code, ErrorCode::none);
}

TEST_P(KafkaRules, a_question_for_offsets_with_an_unknown_isolation_level_fails_whole) {
  make_topic("a", 1);
  wire::ListOffsetsRequest request;
  request.isolation_level = static_cast<wire::IsolationLevel>(7);
  const wire::ListOffsetsRequest::Partition latest{PartitionIndex(0), LeaderEpoch(-1), wire::kLatestTimestamp};
  request.topics = {{"a", {latest, latest}}, {"b", {latest}}};
  const auto answers = call(request).topics;
  ASSERT_EQ(answers.size(), 2U);
  ASSERT_EQ(answers[0].partitions.size(), 2U);
  for (const auto& topic : answers) {
    for (const auto& partition : topic.partitions) {
      EXPECT_EQ(partition.error_code, ErrorCode::unknown_server_error);
      EXPECT_EQ(partition.offset, Offset(-1));
    }
  }
}

// CORRUPT_MESSAGE would make a client send the same again.
TEST_P(KafkaRules, a_produce_request_has_one_whole_batch_for_a_partition) {
  make_topic("a", 1);
  const Buffer good = one_record();
  EXPECT_EQ(produce_batch(13, good), ErrorCode::none);
  EXPECT_EQ(produce_batch(13, Buffer()), ErrorCode::invalid_record);
  EXPECT_EQ(produce_batch(13, Buffer::copy_of(good.span().first(good.size() - 1))), ErrorCode::invalid_record);
  std::vector<std::byte> two(good.span().begin(), good.span().end());
  two.insert(two.end(), good.span().begin(), good.span().end());
  EXPECT_EQ(produce_batch(13, Buffer::copy_of(two)), ErrorCode::invalid_record);
  EXPECT_EQ(produce_batch(13, one_record({.base_offset = Offset(5)})), ErrorCode::invalid_record);
}

TEST_P(KafkaRules, zstd_is_for_clients_that_know_it) {
  make_topic("a", 1);
  EXPECT_EQ(produce_batch(6, one_record({.codec = wire::Codec::zstd})), ErrorCode::unsupported_compression_type);
  EXPECT_EQ(produce_batch(7, one_record({.codec = wire::Codec::zstd})), ErrorCode::none);
}

TEST_P(KafkaRules, a_producer_says_id_and_epoch_or_neither) {
  wire::InitProducerIdRequest request;
  request.producer_id = ProducerId(5);
  EXPECT_EQ(call(request).error_code, ErrorCode::invalid_request);
  request.producer_id = wire::kNoProducerId;
  request.producer_epoch = ProducerEpoch(5);
  EXPECT_EQ(call(request).error_code, ErrorCode::invalid_request);
}

TEST_P(KafkaRules, producers_of_an_impossible_topic) {
  wire::DescribeProducersRequest request;
  request.topics.push_back({"no topic", {PartitionIndex(0)}});
  EXPECT_EQ(call(request).topics.at(0).partitions.at(0).error_code, ErrorCode::invalid_topic_exception);
}

TEST_P(KafkaRules, a_cursor_is_in_a_topic_asked_for) {
  make_topic("a", 1);
  make_topic("b", 1);
  wire::DescribeTopicPartitionsRequest request;
  request.topics.push_back({"b"});
  request.cursor = {"a", PartitionIndex(0)};
  EXPECT_EQ(call(request).topics.at(0).error_code, ErrorCode::invalid_request);
  request.topics.clear();
  EXPECT_EQ(call(request).topics.at(0).error_code, ErrorCode::none);
}

TEST_P(KafkaRules, a_refused_topic_has_configurations_but_none) {
  wire::CreateTopicsRequest request;
  request.timeout_ms = 1000;
  request.topics.push_back({.name = "__cluster_metadata", .num_partitions = 1, .replication_factor = 1});
  request.topics.push_back({.name = "a b", .num_partitions = 1, .replication_factor = 1});
  const auto answers = call(request).topics;
  EXPECT_EQ(answers.at(0).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(answers.at(1).error_code, ErrorCode::invalid_topic_exception);
  for (const auto& answer : answers) EXPECT_TRUE(answer.configs && answer.configs->empty());
}

TEST_P(KafkaRules, topics_have_no_default_resource) {
  wire::AlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = wire::ConfigResourceType::topic;
  EXPECT_EQ(call(request).responses.at(0).error_code, ErrorCode::invalid_request);
}

INSTANTIATE_TEST_SUITE_P(Shards, KafkaRules, kShardCounts);

}  // namespace
}  // namespace chronik::server
