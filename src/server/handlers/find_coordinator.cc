// FindCoordinator: this node, for groups and for transactions; their topic is made on the way.
#include "coord/find_coordinator.h"

#include "server/handlers/common.h"
#include "server/handlers/handle_groups.h"

namespace chronik::server {

namespace {

constexpr std::int16_t kBatchesSince = 4;  // KIP-699
constexpr std::int32_t kNoPort = -1;

/// The same for every key.
template <class Answer>
void tell(Answer& answer, const BrokerIdentity& self, const Status& topic) {
  if (topic) {
    answer.node_id = self.node_id;
    answer.host = self.advertised.host;
    answer.port = self.advertised.port;
    return;
  }
  answer.node_id = BrokerId(-1);
  answer.port = kNoPort;
  refuse(answer, wire::ErrorCode::coordinator_not_available, topic.error().message());
}

task::Task<wire::FindCoordinatorResponse> find_transaction_coordinator(ShardServer& server,
                                                                       wire::FindCoordinatorRequest request,
                                                                       std::int16_t version) {
  const Status topic = co_await server.transaction_peers().create_transactions_topic(
      server.view().broker().transaction_topic_num_partitions, server.context().after(kAdminDeadline));
  wire::FindCoordinatorResponse response;
  if (version < kBatchesSince) {
    tell(response, server.identity(), topic);
    co_return response;
  }
  for (const std::string& key : request.coordinator_keys) {
    auto& answer = response.coordinators.emplace_back();
    answer.key = key;
    tell(answer, server.identity(), topic);
  }
  co_return response;
}

}  // namespace

task::Task<wire::FindCoordinatorResponse> handle_find_coordinator(RequestContext& context,
                                                                  wire::FindCoordinatorRequest request) {
  ShardServer& server = context.server;
  if (request.key_type == wire::CoordinatorType::transaction) {
    co_return co_await find_transaction_coordinator(server, std::move(request), context.version());
  }
  const BrokerIdentity& self = server.identity();
  coord::Endpoint endpoint{self.node_id, self.advertised.host, self.advertised.port};
  co_return co_await coord::find_group_coordinator(std::move(request), context.version(), server.group_topics(),
                                                   server.view().broker().offsets_topic_num_partitions,
                                                   std::move(endpoint), server.context().after(kAdminDeadline));
}

}  // namespace chronik::server
