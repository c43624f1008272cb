// ListOffsets: earliest, latest, max-timestamp and by time (KIP-79, KIP-734, KIP-405). Isolation levels coincide until
// there are transactions.
#include "server/handlers/common.h"
#include "server/handlers/handle.h"

namespace chronik::server {

namespace {

using Answer = wire::ListOffsetsResponse::PartitionResponse;

task::Task<Result<Answer>> answer_one(ShardServer& server, TopicPartition id, wire::ListOffsetsRequest::Partition asked,
                                      Deadline until) {
  Answer answer;
  answer.partition_index = asked.partition_index;
  const log::PartitionPtr partition = server.log().find(id);
  if (!partition) {
    answer.error_code = wire::ErrorCode::unknown_topic_or_partition;
    co_return answer;
  }
  answer.error_code = check_epoch(asked.current_leader_epoch, partition->leader_epoch());
  if (answer.error_code != wire::ErrorCode::none) co_return answer;
  if (partition->failure()) {
    answer.error_code = wire::ErrorCode::kafka_storage_error;
    co_return answer;
  }
  answer.leader_epoch = partition->leader_epoch();
  if (asked.timestamp == wire::kLatestTimestamp) {
    answer.offset = Offset(partition->high_watermark().value());
    co_return answer;
  }
  if (asked.timestamp == wire::kEarliestTimestamp || asked.timestamp == wire::kEarliestLocalTimestamp) {
    answer.offset = Offset(partition->log_start().value());
    co_return answer;
  }
  if (asked.timestamp == wire::kLatestTieredTimestamp || asked.timestamp == wire::kEarliestPendingUploadTimestamp) {
    answer.leader_epoch = LeaderEpoch(-1);  // nothing is tiered
    co_return answer;
  }
  auto found = asked.timestamp == wire::kMaxTimestamp ? co_await partition->max_timestamp(until)
                                                      : co_await partition->find_timestamp(asked.timestamp, until);
  if (!found) {
    answer.error_code = log::to_kafka(found.error().code);
    co_return answer;
  }
  if (*found) {
    answer.timestamp = (*found)->timestamp;
    answer.offset = (*found)->offset;
    answer.leader_epoch = (*found)->leader_epoch;
  } else {
    answer.leader_epoch = LeaderEpoch(-1);
  }
  co_return answer;
}

}  // namespace

task::Task<wire::ListOffsetsResponse> handle_list_offsets(RequestContext& context, wire::ListOffsetsRequest request) {
  ShardServer& server = context.server;
  Broker& broker = server.broker();
  const Deadline until = server.context().after(server.log().options().wal.stall_deadline);
  wire::ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& asked : topic.partitions) {
      Answer answer;
      answer.partition_index = asked.partition_index;
      const Target target = locate(server, topic.name, TopicId{}, asked.partition_index);
      answer.error_code = target.error;
      if (target.error == wire::ErrorCode::none) {
        auto body = [&broker, id = target.id, asked, until](shard::Shard& owner) {
          return answer_one(broker.at(owner.id()), id, asked, until);
        };
        auto result =
            co_await shard::call(server.shard(), broker.shards().at(target.owner), "list_offsets", until, body);
        if (result) {
          answer = *result;
        } else {
          answer.error_code = log::to_kafka(result.error().code);
        }
      }
      answers.partitions.push_back(std::move(answer));
    }
  }
  co_return response;
}

}  // namespace chronik::server
