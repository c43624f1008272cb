// OffsetForLeaderEpoch: where a leader epoch ends, so that a consumer notices a truncated log (KIP-320).
#include "server/handlers/common.h"
#include "server/handlers/gather.h"
#include "server/handlers/handle_topics.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Asked = wire::OffsetForLeaderEpochRequest::Partition;
using Answer = wire::OffsetForLeaderEpochResponse::EpochEndOffset;

Answer answer_one(ShardServer& server, const Item<Asked>& item) {
  Answer answer;
  answer.partition = item.ask.partition;
  const log::PartitionPtr partition = server.log().find(item.id);
  if (!partition) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
    return answer;
  }
  if (partition->failure()) {
    answer.error_code = ErrorCode::kafka_storage_error;
    return answer;
  }
  answer.error_code = check_epoch(item.ask.current_leader_epoch, partition->leader_epoch());
  const LeaderEpoch asked = item.ask.leader_epoch;
  if (answer.error_code != ErrorCode::none || asked.value() < 0 || asked > partition->leader_epoch()) return answer;
  if (const auto end = partition->epoch_end(asked)) {
    answer.leader_epoch = end->first;
    answer.end_offset = end->second;
  } else {
    // Older than everything that is left: its end is where the log begins.
    answer.leader_epoch = asked;
    answer.end_offset = Offset(partition->log_start().value());
  }
  return answer;
}

task::Task<Result<std::vector<Answer>>> answer_share(ShardServer& server, std::vector<Item<Asked>> items, Deadline) {
  std::vector<Answer> answers;
  answers.reserve(items.size());
  for (const auto& item : items) answers.push_back(answer_one(server, item));
  co_return answers;
}

}  // namespace

task::Task<wire::OffsetForLeaderEpochResponse> handle_offset_for_leader_epoch(
    RequestContext& context, wire::OffsetForLeaderEpochRequest request) {
  ShardServer& server = context.server;
  const Deadline until = server.context().after(server.log().options().wal.stall_deadline);
  wire::OffsetForLeaderEpochResponse response;
  Shares<Asked> shares(server.broker().shards().size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.topic = topic.topic;
    for (const Asked& asked : topic.partitions) {
      Answer& answer = answers.partitions.emplace_back();
      answer.partition = asked.partition;
      const Target target = locate(server, topic.topic, TopicId{}, asked.partition);
      answer.error_code = target.error;
      if (target.error != ErrorCode::none) continue;
      const Place place{response.topics.size() - 1, answers.partitions.size() - 1};
      shares[target.owner.value()].push_back({place, target.id, asked});
    }
  }
  co_await ask_owners(server, "offset_for_leader_epoch", until, std::move(shares), &answer_share,
                      [&](const Place& place, const Result<Answer>& result) {
                        Answer& answer = response.topics[place.topic].partitions[place.partition];
                        if (result) {
                          answer = *result;
                        } else {
                          answer.error_code = log::to_kafka(result.error().code);
                        }
                      });
  co_return response;
}

}  // namespace chronik::server
