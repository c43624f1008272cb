// ListOffsets: earliest, latest, max-timestamp and by time (KIP-79, KIP-734, KIP-405). Readers of committed records are
// told of nothing behind the last stable offset.
#include <set>

#include "server/handlers/common.h"
#include "server/handlers/gather.h"
#include "server/handlers/handle.h"

namespace chronik::server {

namespace {

struct Asked : wire::ListOffsetsRequest::Partition {
  log::Isolation isolation = log::Isolation::uncommitted;
};
using Answer = wire::ListOffsetsResponse::PartitionResponse;

/// Kinds of offsets that are asked for by negative timestamps, and the version that each came with.
bool is_known_kind(UnixMillis timestamp, std::int16_t version) {
  if (timestamp >= wire::kEarliestTimestamp) return true;
  if (timestamp == wire::kMaxTimestamp) return version >= 7;
  if (timestamp == wire::kEarliestLocalTimestamp) return version >= 8;
  if (timestamp == wire::kLatestTieredTimestamp) return version >= 9;
  return timestamp == wire::kEarliestPendingUploadTimestamp && version >= 11;
}

using Names = std::set<std::pair<std::string, PartitionIndex>>;

/// Partitions that a request names more than once.
Names named_twice(const wire::ListOffsetsRequest& request) {
  Names seen;
  Names twice;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      if (!seen.emplace(topic.name, partition.partition_index).second) {
        twice.emplace(topic.name, partition.partition_index);
      }
    }
  }
  return twice;
}

/// What needs no search. nullopt: it takes find().
std::optional<Answer> answer_at_once(const log::PartitionPtr& partition, const Asked& asked) {
  Answer answer;
  answer.partition_index = asked.partition_index;
  if (!partition) {
    answer.error_code = wire::ErrorCode::unknown_topic_or_partition;
    return answer;
  }
  answer.error_code = check_epoch(asked.current_leader_epoch, partition->leader_epoch());
  if (answer.error_code == wire::ErrorCode::none && partition->failure()) {
    answer.error_code = wire::ErrorCode::kafka_storage_error;
  }
  if (answer.error_code != wire::ErrorCode::none) return answer;
  if (asked.timestamp == wire::kLatestTimestamp) {
    answer.offset = partition->visible_end(asked.isolation);
    answer.leader_epoch = partition->leader_epoch();
    return answer;
  }
  if (asked.timestamp == wire::kEarliestTimestamp || asked.timestamp == wire::kEarliestLocalTimestamp) {
    answer.offset = Offset(partition->log_start().value());
    answer.leader_epoch = partition->leader_epoch();
    return answer;
  }
  const bool tiered =
      asked.timestamp == wire::kLatestTieredTimestamp || asked.timestamp == wire::kEarliestPendingUploadTimestamp;
  return tiered ? std::optional(answer) : std::nullopt;  // nothing is tiered
}

task::Task<Result<Answer>> find(log::PartitionPtr partition, Asked asked, Deadline until) {
  CO_TRY(const auto found, asked.timestamp == wire::kMaxTimestamp
                               ? co_await partition->max_timestamp(until)
                               : co_await partition->find_timestamp(asked.timestamp, until));
  Answer answer;
  answer.partition_index = asked.partition_index;
  if (found && found->offset < partition->visible_end(asked.isolation)) {
    answer.timestamp = found->timestamp;
    answer.offset = found->offset;
    answer.leader_epoch = found->leader_epoch;
  }
  co_return answer;
}

/// Searches of several partitions run at the same time.
task::Task<Result<std::vector<Answer>>> answer_share(ShardServer& server, std::vector<Item<Asked>> items,
                                                     Deadline until) {
  std::vector<Answer> answers(items.size());
  std::vector<task::Task<Result<Answer>>> searches;
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < items.size(); ++i) {
    log::PartitionPtr partition = server.log().find(items[i].id);
    if (auto answer = answer_at_once(partition, items[i].ask)) {
      answers[i] = *std::move(answer);
      continue;
    }
    slots.push_back(i);
    searches.push_back(find(std::move(partition), items[i].ask, until));
  }
  const auto found = co_await all(server.context(), "list_offsets.search", std::move(searches), until);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Answer& answer = answers[slots[i]];
    if (found[i]) {
      answer = *found[i];
    } else {
      answer.partition_index = items[slots[i]].id.partition;
      answer.error_code = log::to_kafka(found[i].error().code);
    }
  }
  co_return answers;
}

/// Kafka's answer to what it cannot make sense of.
wire::ListOffsetsResponse refuse_request(const wire::ListOffsetsRequest& request) {
  wire::ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      answer.error_code = wire::ErrorCode::unknown_server_error;
    }
  }
  return response;
}

}  // namespace

task::Task<wire::ListOffsetsResponse> handle_list_offsets(RequestContext& context, wire::ListOffsetsRequest request) {
  ShardServer& server = context.server;
  const Deadline until = server.context().after(server.log().options().wal.stall_deadline);
  const auto isolation = isolation_of(request.isolation_level);
  if (!isolation) co_return refuse_request(request);
  wire::ListOffsetsResponse response;
  const Names twice = named_twice(request);
  Names refused;
  Shares<Asked> shares(server.broker().shards().size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      const Asked asked{wanted, *isolation};
      const bool again = twice.contains({topic.name, asked.partition_index});
      if (again && !refused.emplace(topic.name, asked.partition_index).second) continue;  // answered
      Answer& answer = answers.partitions.emplace_back();
      answer.partition_index = asked.partition_index;
      if (again) {
        answer.error_code = wire::ErrorCode::invalid_request;
        continue;
      }
      if (!is_known_kind(asked.timestamp, context.version())) {
        answer.error_code = wire::ErrorCode::unsupported_version;
        continue;
      }
      const Target target = locate(server, topic.name, TopicId{}, asked.partition_index);
      answer.error_code = target.error;
      if (target.error != wire::ErrorCode::none) continue;
      const Place place{response.topics.size() - 1, answers.partitions.size() - 1};
      shares[target.owner.value()].push_back({place, target.id, asked});
    }
  }
  co_await ask_owners(server, "list_offsets", until, std::move(shares), &answer_share,
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
