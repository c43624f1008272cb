// DescribeTopicPartitions: topics a page at a time (KIP-966). Topics are in order of their names; the cursor names the
// partition to go on with, whether or not it exists by then.
#include <algorithm>
#include <set>

#include "server/handlers/common.h"
#include "server/handlers/handle_topics.h"
#include "server/handlers/operations.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Response = wire::DescribeTopicPartitionsResponse;

constexpr std::int32_t kPartitionsMax = 2000;  // Kafka's max.request.partition.size.limit

Response::Partition describe(BrokerId self, const meta::Topic& topic, std::int32_t index) {
  Response::Partition answer;
  answer.partition_index = PartitionIndex(index);
  answer.leader_id = self;
  answer.leader_epoch = topic.partitions[static_cast<std::size_t>(index)].leader_epoch;
  answer.replica_nodes = {self};
  answer.isr_nodes = {self};
  answer.eligible_leader_replicas.emplace();
  answer.last_known_elr.emplace();
  return answer;
}

void add_missing(Response& response, const std::string& name) {
  auto& answer = response.topics.emplace_back();
  answer.name = name;
  answer.error_code =
      meta::topic_name_problem(name) ? ErrorCode::invalid_topic_exception : ErrorCode::unknown_topic_or_partition;
  answer.is_internal = meta::is_internal_topic(name);
  answer.topic_authorized_operations = kTopicOperations;
}

/// Adds a topic's partitions from `first` on, at most `limit`. How many were added.
std::int32_t add_topic(Response& response, BrokerId self, const meta::Topic& topic, std::int32_t first,
                       std::int32_t limit) {
  auto& answer = response.topics.emplace_back();
  answer.name = topic.name;
  answer.topic_id = topic.id;
  answer.is_internal = topic.internal();
  answer.topic_authorized_operations = kTopicOperations;
  const std::int32_t end =
      static_cast<std::int32_t>(std::min<std::int64_t>(topic.partition_count(), std::int64_t{first} + limit));
  for (std::int32_t i = first; i < end; ++i) answer.partitions.push_back(describe(self, topic, i));
  if (end < topic.partition_count()) response.next_cursor = {topic.name, PartitionIndex(end)};
  return std::max(end - first, 0);
}

/// A cursor is a partition of one of the topics asked for.
bool is_sound(const wire::DescribeTopicPartitionsRequest::Cursor& cursor,
              const wire::DescribeTopicPartitionsRequest& request) {
  const bool asked = std::ranges::any_of(request.topics, [&](const auto& t) { return t.name == cursor.topic_name; });
  return cursor.partition_index.value() >= 0 && (request.topics.empty() || asked);
}

/// The names asked for, sorted, each once, from the cursor's topic on.
std::vector<std::string> names_of(const meta::Image& image, const wire::DescribeTopicPartitionsRequest& request) {
  std::set<std::string> names;
  for (const auto& topic : request.topics) names.insert(topic.name);
  if (request.topics.empty()) {
    for (const meta::TopicPtr& topic : image.topics()) names.insert(topic->name);
  }
  const auto from = request.cursor ? names.lower_bound(request.cursor->topic_name) : names.begin();
  return {from, names.end()};
}

}  // namespace

task::Task<wire::DescribeTopicPartitionsResponse> handle_describe_topic_partitions(
    RequestContext& context, wire::DescribeTopicPartitionsRequest request) {
  ShardServer& server = context.server;
  const BrokerId self = server.identity().node_id;
  const meta::ImagePtr image = server.view().image();
  Response response;
  if (request.cursor && !is_sound(*request.cursor, request)) {
    for (const auto& topic : request.topics) {
      auto& answer = response.topics.emplace_back();
      answer.name = topic.name;
      answer.error_code = ErrorCode::invalid_request;
    }
    co_return response;
  }
  std::int32_t left = std::clamp(request.response_partition_limit, 1, kPartitionsMax);
  for (const std::string& name : names_of(*image, request)) {
    if (left == 0) {
      response.next_cursor = {name, PartitionIndex(0)};
      break;
    }
    const meta::TopicPtr topic = image->find(name);
    if (!topic) {
      add_missing(response, name);
      continue;
    }
    const bool resumed = request.cursor && request.cursor->topic_name == name;
    const std::int32_t first = resumed ? request.cursor->partition_index.value() : 0;
    left -= add_topic(response, self, *topic, first, left);
    if (response.next_cursor) break;
  }
  co_return response;
}

}  // namespace chronik::server
