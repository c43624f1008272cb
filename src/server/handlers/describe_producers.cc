// DescribeProducers: who writes to a partition, and whose transaction is open there (KIP-664).
#include "server/handlers/common.h"
#include "server/handlers/gather.h"
#include "server/handlers/handle_transactions.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Answer = wire::DescribeProducersResponse::Partition;

Answer answer_one(ShardServer& server, const Item<PartitionIndex>& item) {
  Answer answer;
  answer.partition_index = item.ask;
  const log::PartitionPtr partition = server.log().find(item.id);
  if (!partition) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
    return answer;
  }
  for (const auto& [id, entry] : partition->producers().entries()) {
    auto& producer = answer.active_producers.emplace_back();
    producer.producer_id = id;
    producer.producer_epoch = entry.epoch.value();
    if (entry.count > 0) producer.last_sequence = entry.batches[entry.count - 1U].last_sequence;
    producer.last_timestamp = entry.last_seen;
    producer.coordinator_epoch = entry.coordinator_epoch;
    if (const auto* const open = partition->transactions().open(id)) producer.current_txn_start_offset = open->first;
  }
  return answer;
}

task::Task<Result<std::vector<Answer>>> answer_share(ShardServer& server, std::vector<Item<PartitionIndex>> items,
                                                     Deadline) {
  std::vector<Answer> answers;
  answers.reserve(items.size());
  for (const auto& item : items) answers.push_back(answer_one(server, item));
  co_return answers;
}

}  // namespace

task::Task<wire::DescribeProducersResponse> handle_describe_producers(RequestContext& context,
                                                                      wire::DescribeProducersRequest request) {
  ShardServer& server = context.server;
  const Deadline until = server.context().after(kAdminDeadline);
  wire::DescribeProducersResponse response;
  Shares<PartitionIndex> shares(server.broker().shards().size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const PartitionIndex index : topic.partition_indexes) {
      Answer& answer = answers.partitions.emplace_back();
      answer.partition_index = index;
      if (meta::topic_name_problem(topic.name)) {
        answer.error_code = ErrorCode::invalid_topic_exception;
        continue;
      }
      const Target target = locate(server, topic.name, TopicId{}, index);
      answer.error_code = target.error;
      if (target.error != ErrorCode::none) continue;
      const Place place{response.topics.size() - 1, answers.partitions.size() - 1};
      shares[target.owner.value()].push_back({place, target.id, index});
    }
  }
  co_await ask_owners(server, "describe_producers", until, std::move(shares), &answer_share,
                      [&](const Place& place, const Result<Answer>& result) {
                        Answer& answer = response.topics[place.topic].partitions[place.partition];
                        if (result) {
                          answer = *result;
                        } else {
                          refuse(answer, result.error());
                        }
                      });
  co_return response;
}

}  // namespace chronik::server
