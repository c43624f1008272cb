// Metadata: this broker and the topics asked for, by name or by id (KIP-516), created on the way when allowed.
#include <algorithm>
#include <map>
#include <set>

#include "server/handlers/common.h"
#include "server/handlers/handle.h"
#include "server/handlers/operations.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Topic = wire::MetadataResponse::Topic;

constexpr std::int16_t kTopicIdsSince = 12;

Topic describe(const BrokerIdentity& self, const meta::Topic& topic) {
  Topic answer;
  answer.name = topic.name;
  answer.topic_id = topic.id;
  answer.is_internal = topic.internal();
  for (std::int32_t i = 0; i < topic.partition_count(); ++i) {
    auto& partition = answer.partitions.emplace_back();
    partition.partition_index = PartitionIndex(i);
    partition.leader_id = self.node_id;
    partition.leader_epoch = topic.partitions[static_cast<std::size_t>(i)].leader_epoch;
    partition.replica_nodes = {self.node_id};
    partition.isr_nodes = {self.node_id};
  }
  return answer;
}

Topic missing(std::string name, ErrorCode error) {
  Topic answer;
  answer.is_internal = meta::is_internal_topic(name);
  answer.name = std::move(name);
  answer.error_code = error;
  return answer;
}

/// What the request asks for, each once. Names are ignored beside ids, as Kafka does.
struct Asked {
  std::set<std::string> names;
  std::set<TopicId> ids;
  bool malformed = false;  // a null name, or an id, before version 12
};

Asked sort_out(const wire::MetadataRequest& request, std::int16_t version) {
  Asked asked;
  for (const auto& topic : *request.topics) {
    if (!topic.topic_id.is_zero()) asked.ids.insert(topic.topic_id);
    if (topic.name) asked.names.insert(*topic.name);
    const bool neither = !topic.name && topic.topic_id.is_zero();
    const bool too_early = version < kTopicIdsSince && (!topic.name || !topic.topic_id.is_zero());
    asked.malformed |= neither || too_early;
  }
  if (!asked.ids.empty()) asked.names.clear();
  return asked;
}

/// Why each of the names that are not there is not, after those that may be created were.
task::Task<std::map<std::string, ErrorCode>> create_missing(ShardServer& server, std::set<std::string> names,
                                                            bool allowed) {
  std::map<std::string, ErrorCode> absent;
  std::vector<meta::TopicRequest> wanted;
  allowed = allowed && server.view().broker().auto_create_topics;
  for (const std::string& name : names) {
    if (server.view().image()->find(name)) continue;
    const bool legal = !meta::topic_name_problem(name);
    absent[name] = legal ? ErrorCode::unknown_topic_or_partition : ErrorCode::invalid_topic_exception;
    // Internal topics are made by the coordinators, with settings of their own.
    if (!allowed || !legal || meta::is_internal_topic(name)) continue;
    wanted.emplace_back().name = name;
  }
  if (wanted.empty()) co_return absent;
  std::vector<std::string> order;
  for (const auto& topic : wanted) order.push_back(topic.name);
  const auto created = co_await meta::create_topics(server.metadata(), server.shard(), std::move(wanted), false,
                                                    server.context().after(kAdminDeadline));
  for (std::size_t i = 0; i < order.size(); ++i) {
    // Not LEADER_NOT_AVAILABLE for what cannot be created at all: the client would try for ever.
    const ErrorCode error = created ? (*created)[i].outcome.error : ErrorCode::leader_not_available;
    if (error != ErrorCode::none && error != ErrorCode::topic_already_exists) absent[order[i]] = error;
  }
  co_return absent;
}

void add_by_id(const BrokerIdentity& self, const meta::Image& image, const std::set<TopicId>& ids,
               wire::MetadataResponse& response) {
  for (const TopicId id : ids) {
    if (const meta::TopicPtr topic = image.find(id)) {
      response.topics.push_back(describe(self, *topic));
      continue;
    }
    Topic& answer = response.topics.emplace_back();
    answer.topic_id = id;
    answer.error_code = ErrorCode::unknown_topic_id;
  }
}

task::Task<void> add_by_name(ShardServer& server, std::set<std::string> names, bool may_create,
                             wire::MetadataResponse& response) {
  const auto absent = co_await create_missing(server, names, may_create);
  const meta::ImagePtr image = server.view().image();
  for (const std::string& name : names) {
    if (const meta::TopicPtr topic = image->find(name)) {
      response.topics.push_back(describe(server.identity(), *topic));
      continue;
    }
    const auto why = absent.find(name);
    response.topics.push_back(missing(name, why != absent.end() ? why->second : ErrorCode::unknown_topic_or_partition));
  }
}

void add_malformed(const wire::MetadataRequest& request, wire::MetadataResponse& response) {
  for (const auto& topic : *request.topics) {
    Topic& answer = response.topics.emplace_back();
    answer.name = topic.name.value_or("");
    answer.topic_id = topic.topic_id;
    answer.error_code = ErrorCode::invalid_request;
  }
}

void add_broker(ShardServer& server, wire::MetadataResponse& response) {
  const BrokerIdentity& self = server.identity();
  auto& broker = response.brokers.emplace_back();
  broker.node_id = self.node_id;
  broker.host = self.advertised.host;
  broker.port = self.advertised.port;
  if (!server.view().broker().rack.empty()) broker.rack = server.view().broker().rack;
  response.cluster_id = self.cluster_id;
  response.controller_id = self.node_id;
}

}  // namespace

task::Task<wire::MetadataResponse> handle_metadata(RequestContext& context, wire::MetadataRequest request) {
  ShardServer& server = context.server;
  wire::MetadataResponse response;
  add_broker(server, response);
  const bool all = !request.topics || (context.version() == 0 && request.topics->empty());
  if (all) {
    const meta::ImagePtr image = server.view().image();
    for (const meta::TopicPtr& topic : image->topics()) response.topics.push_back(describe(server.identity(), *topic));
  } else {
    Asked asked = sort_out(request, context.version());
    if (asked.malformed) {
      add_malformed(request, response);
      co_return response;
    }
    add_by_id(server.identity(), *server.view().image(), asked.ids, response);
    co_await add_by_name(server, std::move(asked.names), request.allow_auto_topic_creation, response);
  }
  for (Topic& topic : response.topics) {
    if (topic.error_code != ErrorCode::none) continue;
    topic.topic_authorized_operations = operations_if(request.include_topic_authorized_operations, kTopicOperations);
  }
  response.cluster_authorized_operations =
      operations_if(request.include_cluster_authorized_operations, kClusterOperations);
  co_return response;
}

}  // namespace chronik::server
