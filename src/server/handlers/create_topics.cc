// CreateTopics: checks what depends on the form of the request (duplicates, manual assignments, null values); the
// metadata room checks names, counts and configurations, and creates all of a request with one command.
#include <algorithm>
#include <map>

#include "server/handlers/common.h"
#include "server/handlers/handle_topics.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Topic = wire::CreateTopicsRequest::Topic;

/// Kafka's log of the metadata: a topic of this name would look like it to tools.
constexpr std::string_view kClusterMetadataTopic = "__cluster_metadata";

meta::ItemOutcome problem(ErrorCode error, std::string message) {
  return {error, std::move(message)};
}

/// Partitions of a manual assignment: acceptable if every replica list is this node alone and the indexes are 0..n-1.
std::expected<std::int32_t, meta::ItemOutcome> assigned_partitions(BrokerId self, const Topic& topic) {
  const auto refused = [](ErrorCode error, std::string message) {
    return std::unexpected(problem(error, std::move(message)));
  };
  if (topic.replication_factor != -1) {
    return refused(ErrorCode::invalid_request,
                   "A manual partition assignment was specified, but replication factor was not set to -1.");
  }
  if (topic.num_partitions != -1) {
    return refused(ErrorCode::invalid_request,
                   "A manual partition assignment was specified, but numPartitions was not set to -1.");
  }
  std::vector<bool> seen(topic.assignments.size());
  for (const auto& assignment : topic.assignments) {
    const std::int32_t index = assignment.partition_index.value();
    if (index < 0 || static_cast<std::size_t>(index) >= seen.size()) {
      return refused(ErrorCode::invalid_replica_assignment,
                     "Partitions should be a consecutive 0-based integer sequence.");
    }
    if (seen[static_cast<std::size_t>(index)]) {
      return refused(ErrorCode::invalid_replica_assignment,
                     "Found multiple manual partition assignments for partition " + std::to_string(index) + ".");
    }
    seen[static_cast<std::size_t>(index)] = true;
    if (auto why = assignment_problem(self, assignment.broker_ids)) {
      return refused(ErrorCode::invalid_replica_assignment, *std::move(why));
    }
  }
  return static_cast<std::int32_t>(seen.size());
}

std::expected<meta::TopicRequest, meta::ItemOutcome> to_request(BrokerId self, const Topic& topic) {
  meta::TopicRequest wanted;
  wanted.name = topic.name;
  if (topic.name == kClusterMetadataTopic) {
    return std::unexpected(
        problem(ErrorCode::invalid_request, "Creation of internal topic " + topic.name + " is prohibited."));
  }
  if (meta::is_internal_topic(topic.name)) {
    return std::unexpected(problem(ErrorCode::invalid_topic_exception,
                                   "Topic '" + topic.name + "' is internal: the broker creates it when it is needed."));
  }
  wanted.partitions = topic.num_partitions;
  wanted.replication_factor = topic.replication_factor;
  if (!topic.assignments.empty()) {
    const auto partitions = assigned_partitions(self, topic);
    if (!partitions) return std::unexpected(partitions.error());
    wanted.partitions = *partitions;
    wanted.replication_factor = 1;
  }
  for (const auto& config : topic.configs) {
    if (!config.value) {
      return std::unexpected(
          problem(ErrorCode::invalid_config, "Null value not supported for topic configs: " + config.name));
    }
    wanted.configs.insert_or_assign(config.name, *config.value);
  }
  return wanted;
}

void fill(wire::CreateTopicsResponse::TopicResult& answer, const meta::CreatedTopic& created,
          const meta::BrokerConfig& broker, const meta::ConfigMap& configs) {
  answer.error_code = created.outcome.error;
  if (!created.outcome.ok()) {
    answer.error_message = created.outcome.message;
    return;
  }
  answer.topic_id = created.id;
  answer.num_partitions = created.partitions;
  answer.replication_factor = created.replication_factor;
  auto& rows = *answer.configs;
  for (const meta::DescribedConfig& row : meta::describe_topic(broker, configs)) {
    auto& config = rows.emplace_back();
    config.name = row.definition->name;
    if (!row.null) config.value = row.value;
    config.read_only = row.read_only;
    config.config_source = static_cast<wire::ConfigSource>(row.source);
  }
}

}  // namespace

task::Task<wire::CreateTopicsResponse> handle_create_topics(RequestContext& context,
                                                            wire::CreateTopicsRequest request) {
  ShardServer& server = context.server;
  wire::CreateTopicsResponse response;
  std::map<std::string, std::size_t> times;
  for (const Topic& topic : request.topics) ++times[topic.name];

  std::vector<meta::TopicRequest> wanted;
  std::vector<std::size_t> slots;
  for (const Topic& topic : request.topics) {
    std::size_t& count = times[topic.name];
    if (count == 0) continue;  // a duplicate: answered already
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    answer.configs.emplace();  // none, also where the topic is refused: null is what only some clients can read
    if (count > 1) {
      refuse(answer, ErrorCode::invalid_request, "Duplicate topic name.");
      count = 0;
      continue;
    }
    auto checked = to_request(server.identity().node_id, topic);
    if (!checked) {
      refuse(answer, checked.error().error, checked.error().message);
      continue;
    }
    slots.push_back(response.topics.size() - 1);
    wanted.push_back(*std::move(checked));
  }
  if (wanted.empty()) co_return response;

  std::vector<meta::ConfigMap> configs;
  for (const auto& topic : wanted) configs.push_back(topic.configs);
  const auto created =
      co_await meta::create_topics(server.metadata(), server.shard(), std::move(wanted), request.validate_only,
                                   client_deadline(server.context(), request.timeout_ms));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    auto& answer = response.topics[slots[i]];
    if (created) {
      fill(answer, (*created)[i], server.view().broker(), configs[i]);
    } else {
      refuse(answer, created.error());
    }
  }
  co_return response;
}

}  // namespace chronik::server
