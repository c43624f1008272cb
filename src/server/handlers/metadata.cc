// Metadata: this broker and the topics asked for, created on the way when allowed.
#include <set>

#include "server/handlers/common.h"
#include "server/handlers/handle.h"

namespace chronik::server {

namespace {

constexpr Duration kCreateDeadline = 30s;

wire::MetadataResponse::Topic describe(const BrokerIdentity& self, const meta::Topic& topic) {
  wire::MetadataResponse::Topic answer;
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

/// The names that are missing and may be created now, created; what became of those that were not.
task::Task<std::map<std::string, wire::ErrorCode>> create_missing(ShardServer& server,
                                                                  const wire::MetadataRequest& request) {
  std::map<std::string, wire::ErrorCode> refused;
  std::vector<meta::TopicRequest> missing;
  std::set<std::string> seen;
  for (const auto& topic : *request.topics) {
    if (!topic.name || server.view().image()->find(*topic.name) || !seen.insert(*topic.name).second) continue;
    if (meta::topic_name_problem(*topic.name)) {
      refused[*topic.name] = wire::ErrorCode::invalid_topic_exception;
      continue;
    }
    meta::TopicRequest wanted;
    wanted.name = *topic.name;
    missing.push_back(std::move(wanted));
  }
  const bool allowed = request.allow_auto_topic_creation && server.view().broker().auto_create_topics;
  if (!allowed || missing.empty()) co_return refused;
  std::vector<std::string> names;
  for (const auto& topic : missing) names.push_back(topic.name);
  auto created = co_await meta::create_topics(server.metadata(), server.shard(), std::move(missing), false,
                                              server.context().after(kCreateDeadline));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto error = created ? (*created)[i].outcome.error : wire::ErrorCode::leader_not_available;
    // Another client may have been faster: then the topic is there.
    if (error != wire::ErrorCode::none && error != wire::ErrorCode::topic_already_exists) refused[names[i]] = error;
  }
  co_return refused;
}

}  // namespace

task::Task<wire::MetadataResponse> handle_metadata(RequestContext& context, wire::MetadataRequest request) {
  ShardServer& server = context.server;
  const BrokerIdentity& self = server.identity();
  wire::MetadataResponse response;
  wire::MetadataResponse::Broker broker;
  broker.node_id = self.node_id;
  broker.host = self.advertised.host;
  broker.port = self.advertised.port;
  if (!server.view().broker().rack.empty()) broker.rack = server.view().broker().rack;
  response.brokers.push_back(std::move(broker));
  response.cluster_id = self.cluster_id;
  response.controller_id = self.node_id;

  const bool all = !request.topics || (context.version() == 0 && request.topics->empty());
  if (all) {
    const meta::ImagePtr image = server.view().image();
    for (const meta::TopicPtr& topic : image->topics()) response.topics.push_back(describe(self, *topic));
    co_return response;
  }
  const auto refused = co_await create_missing(server, request);
  const meta::ImagePtr image = server.view().image();
  for (const auto& asked : *request.topics) {
    const meta::TopicPtr topic = asked.name ? image->find(*asked.name) : image->find(asked.topic_id);
    if (topic) {
      response.topics.push_back(describe(self, *topic));
      continue;
    }
    auto& answer = response.topics.emplace_back();
    answer.name = asked.name;
    answer.topic_id = asked.topic_id;
    answer.error_code = asked.name ? wire::ErrorCode::unknown_topic_or_partition : wire::ErrorCode::unknown_topic_id;
    if (asked.name) {
      if (const auto why = refused.find(*asked.name); why != refused.end()) answer.error_code = why->second;
    }
  }
  co_return response;
}

}  // namespace chronik::server
