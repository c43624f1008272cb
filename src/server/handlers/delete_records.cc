// DeleteRecords: advances the log start of partitions, durably, before the answer.
#include "server/handlers/common.h"
#include "server/handlers/gather.h"
#include "server/handlers/handle_topics.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;

struct Deleted {
  ErrorCode error = ErrorCode::none;
  LogStartOffset low_watermark{-1};
};

task::Task<Result<LogStartOffset>> delete_one(log::PartitionPtr partition, Offset before, Deadline until) {
  co_return co_await partition->delete_records(before, until);
}

/// On the owning shard: all partitions share group commits.
task::Task<Result<std::vector<Deleted>>> delete_share(ShardServer& server, std::vector<Item<Offset>> items,
                                                      Deadline until) {
  std::vector<Deleted> answers(items.size());
  std::vector<task::Task<Result<LogStartOffset>>> work;
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < items.size(); ++i) {
    log::PartitionPtr partition = server.log().find(items[i].id);
    if (!partition) {
      answers[i].error = ErrorCode::unknown_topic_or_partition;
      continue;
    }
    slots.push_back(i);
    work.push_back(delete_one(std::move(partition), items[i].ask, until));
  }
  if (work.empty()) co_return answers;
  auto results = co_await all(server.context(), "delete_records.partition", std::move(work), until);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (results[i]) {
      answers[slots[i]].low_watermark = *results[i];
    } else {
      answers[slots[i]].error = log::to_kafka(results[i].error().code);
    }
  }
  server.log().request_retention();
  co_return answers;
}

/// Kafka deletes records only where records are deleted anyway: not from internal topics, nor from compacted ones.
ErrorCode refusal(ShardServer& server, const Target& target) {
  if (target.error != ErrorCode::none) return target.error;
  const meta::TopicPtr topic = server.view().image()->find(target.id.topic);
  if (topic->internal()) return ErrorCode::invalid_topic_exception;
  if (!server.view().topic_config(*topic).cleanup_delete) return ErrorCode::policy_violation;
  return ErrorCode::none;
}

}  // namespace

task::Task<wire::DeleteRecordsResponse> handle_delete_records(RequestContext& context,
                                                              wire::DeleteRecordsRequest request) {
  ShardServer& server = context.server;
  const Deadline until = client_deadline(server.context(), request.timeout_ms);
  wire::DeleteRecordsResponse response;
  Shares<Offset> shares(server.broker().shards().size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& asked : topic.partitions) {
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = asked.partition_index;
      answer.low_watermark = LogStartOffset(-1);
      const Target target = locate(server, topic.name, TopicId{}, asked.partition_index);
      answer.error_code = refusal(server, target);
      if (answer.error_code != ErrorCode::none) continue;
      const Place place{response.topics.size() - 1, answers.partitions.size() - 1};
      shares[target.owner.value()].push_back({place, target.id, asked.offset});
    }
  }
  co_await ask_owners(server, "delete_records", until, std::move(shares), &delete_share,
                      [&](const Place& place, const Result<Deleted>& result) {
                        auto& answer = response.topics[place.topic].partitions[place.partition];
                        answer.error_code = result ? result->error : log::to_kafka(result.error().code);
                        if (result) answer.low_watermark = result->low_watermark;
                      });
  co_return response;
}

}  // namespace chronik::server
