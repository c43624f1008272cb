// DeleteRecords, OffsetForLeaderEpoch, ListOffsets, DescribeLogDirs: requests that go to the owners of partitions.
#include "server/test_client.h"
#include "wire/messages/delete_records.h"
#include "wire/messages/describe_log_dirs.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/offset_for_leader_epoch.h"

namespace chronik::server {
namespace {

using wire::ErrorCode;

class DeleteRecords : public HandlerTest {
 protected:
  using Partition = wire::DeleteRecordsRequest::Partition;
  wire::DeleteRecordsResponse erase(const std::string& topic, std::vector<Partition> partitions) {
    wire::DeleteRecordsRequest request;
    request.topics.push_back({topic, std::move(partitions)});
    request.timeout_ms = 30'000;
    return call(request);
  }
};

TEST_P(DeleteRecords, advances_the_log_start_of_every_partition) {
  make_topic("a", 8);
  std::vector<Partition> partitions;
  for (std::int32_t i = 0; i < 8; ++i) {
    produce("a", i, 5);
    partitions.push_back({PartitionIndex(i), Offset(i < 4 ? 3 : -1)});
  }
  const auto response = erase("a", partitions);
  for (std::int32_t i = 0; i < 8; ++i) {
    const auto& answer = response.topics[0].partitions[static_cast<std::size_t>(i)];
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    EXPECT_EQ(answer.partition_index, PartitionIndex(i));
    EXPECT_EQ(answer.low_watermark, LogStartOffset(i < 4 ? 3 : 5));
  }
  EXPECT_EQ(erase("a", {{PartitionIndex(0), Offset(1)}}).topics[0].partitions[0].low_watermark, LogStartOffset(3));
  rig().restart();
  EXPECT_EQ(rig().partition("a", 0)->log_start(), LogStartOffset(3));
}

TEST_P(DeleteRecords, each_partition_has_its_own_error) {
  make_topic("a", 2);
  make_topic("__consumer_offsets", 1, {{"cleanup.policy", "compact"}});
  produce("a", 0, 5);
  const auto error = [&](const char* topic, std::int32_t index, std::int64_t offset) {
    const auto answer = erase(topic, {{PartitionIndex(index), Offset(offset)}}).topics[0].partitions[0];
    if (answer.error_code != ErrorCode::none) {
      EXPECT_EQ(answer.low_watermark, LogStartOffset(-1));
    }
    return answer.error_code;
  };
  EXPECT_EQ(error("nope", 0, 1), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(error("a", 2, 1), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(error("a", -1, 1), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(error("a", 0, 6), ErrorCode::offset_out_of_range);
  EXPECT_EQ(error("a", 0, -2), ErrorCode::offset_out_of_range);
  EXPECT_EQ(error("a", 1, 0), ErrorCode::none);
  EXPECT_EQ(error("__consumer_offsets", 0, 0), ErrorCode::invalid_topic_exception);
}

using OffsetForLeaderEpoch = HandlerTest;

TEST_P(OffsetForLeaderEpoch, knows_where_epochs_end) {
  make_topic("a", 3);
  produce("a", 1, 5);
  const auto ask = [&](const char* topic, std::int32_t index, std::int32_t current, std::int32_t epoch) {
    wire::OffsetForLeaderEpochRequest request;
    request.topics.push_back({topic, {{PartitionIndex(index), LeaderEpoch(current), LeaderEpoch(epoch)}}});
    return call(request).topics[0].partitions[0];
  };
  const LeaderEpoch epoch = rig().partition("a", 1)->leader_epoch();
  const std::int32_t now = epoch.value();
  const auto known = ask("a", 1, now, now);
  EXPECT_EQ(known.error_code, ErrorCode::none);
  EXPECT_EQ(known.leader_epoch, epoch);
  EXPECT_EQ(known.end_offset, Offset(5));
  EXPECT_EQ(ask("a", 1, -1, now).end_offset, Offset(5));
  for (const std::int32_t undefined : {-1, now + 1}) {
    const auto answer = ask("a", 1, -1, undefined);
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    EXPECT_EQ(answer.leader_epoch, LeaderEpoch(-1));
    EXPECT_EQ(answer.end_offset, Offset(-1));
  }
  EXPECT_EQ(ask("a", 1, now + 1, now).error_code, ErrorCode::unknown_leader_epoch);
  EXPECT_EQ(ask("a", 3, -1, now).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(ask("nope", 0, -1, now).error_code, ErrorCode::unknown_topic_or_partition);
}

using ListOffsets = HandlerTest;

TEST_P(ListOffsets, finds_ends_and_timestamps_of_many_partitions) {
  make_topic("a", 6);
  wire::ListOffsetsRequest request;
  auto& asked = request.topics.emplace_back();
  asked.name = "a";
  for (std::int32_t i = 0; i < 6; ++i) {
    produce("a", i, i + 1);
    asked.partitions.push_back({PartitionIndex(i), LeaderEpoch(-1), wire::kLatestTimestamp});
  }
  asked.partitions.push_back({PartitionIndex(6), LeaderEpoch(-1), wire::kLatestTimestamp});
  auto answers = call(request).topics[0].partitions;
  // A request names a partition once only.
  for (const UnixMillis wanted :
       {wire::kEarliestTimestamp, UnixMillis(1'700'000'000'002), UnixMillis(1'800'000'000'000), wire::kMaxTimestamp}) {
    request.topics[0].partitions = {{PartitionIndex(5), LeaderEpoch(-1), wanted}};
    answers.insert(answers.end() - 1, call(request).topics[0].partitions[0]);
  }
  const std::vector<std::int64_t> expected = {1, 2, 3, 4, 5, 6, 0, 2, -1, 5, -1};
  ASSERT_EQ(answers.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(answers[i].offset, Offset(expected[i])) << i;
    EXPECT_EQ(answers[i].error_code, i < 10 ? ErrorCode::none : ErrorCode::unknown_topic_or_partition) << i;
  }
}

class DescribeLogDirs : public HandlerTest {
 protected:
  static std::int64_t total(const wire::DescribeLogDirsResponse& response) {
    std::int64_t bytes = 0;
    for (const auto& topic : response.results.at(0).topics) {
      for (const auto& partition : topic.partitions) bytes += partition.partition_size;
    }
    return bytes;
  }
};

TEST_P(DescribeLogDirs, sizes_of_all_or_of_some_partitions) {
  make_topic("a", 5);
  make_topic("b", 1);
  for (std::int32_t i = 0; i < 5; ++i) produce("a", i, 2);
  wire::DescribeLogDirsRequest request;
  const auto all = call(request);
  EXPECT_EQ(all.error_code, ErrorCode::none);
  ASSERT_EQ(all.results.size(), 1U);
  EXPECT_EQ(all.results[0].error_code, ErrorCode::none);
  EXPECT_GT(all.results[0].total_bytes, 0);
  EXPECT_GT(all.results[0].usable_bytes, 0);
  ASSERT_EQ(all.results[0].topics.size(), 2U);
  EXPECT_EQ(all.results[0].topics[0].partitions.size(), 5U);
  const std::int64_t one = all.results[0].topics[0].partitions[0].partition_size;
  EXPECT_GT(one, 0);
  EXPECT_EQ(total(all), 5 * one);
  request.topics.emplace();
  request.topics->push_back({"a", {PartitionIndex(0), PartitionIndex(4), PartitionIndex(99)}});
  request.topics->push_back({"nope", {PartitionIndex(0)}});
  EXPECT_EQ(total(call(request)), 2 * one);
  request.topics->clear();
  EXPECT_TRUE(call(request).results[0].topics.empty());
}

TEST_P(DescribeLogDirs, an_offline_directory_says_so) {
  make_topic("a", 5);
  for (std::int32_t i = 0; i < 5; ++i) produce("a", i, 1);
  rig().machine.disk_faults().fail_syncs = true;
  rig().machine.disk_faults().fail_writes = true;
  rig().machine.disk_faults_changed();
  wire::RecordBatchBuilder builder({});
  builder.add(UnixMillis(1'700'000'000'000), std::nullopt, as_bytes("lost"));
  const auto partition = rig().partition("a", 0);
  ASSERT_TRUE(partition->append_internal(builder.build().value().span()));
  ASSERT_TRUE(rig().world->run_until([&] { return partition->failure().has_value(); }, 60s));
  const auto response = call(wire::DescribeLogDirsRequest{});
  EXPECT_EQ(response.results[0].error_code, ErrorCode::kafka_storage_error);
  EXPECT_TRUE(response.results[0].topics.empty());
}

INSTANTIATE_TEST_SUITE_P(Shards, DeleteRecords, kShardCounts);
INSTANTIATE_TEST_SUITE_P(Shards, OffsetForLeaderEpoch, kShardCounts);
INSTANTIATE_TEST_SUITE_P(Shards, ListOffsets, kShardCounts);
INSTANTIATE_TEST_SUITE_P(Shards, DescribeLogDirs, kShardCounts);

}  // namespace
}  // namespace chronik::server
