// FindCoordinator: this node for groups; __consumer_offsets is made on the way. Transactions have no coordinator yet.
#include "coord/find_coordinator.h"

#include "server/handlers/common.h"
#include "server/handlers/handle_groups.h"

namespace chronik::server {

namespace {

constexpr std::int16_t kBatchesSince = 4;  // KIP-699
constexpr std::int32_t kNoPort = -1;

wire::FindCoordinatorResponse no_transactions(const wire::FindCoordinatorRequest& request, std::int16_t version) {
  constexpr auto kError = wire::ErrorCode::coordinator_not_available;
  constexpr auto kMessage = "Transactions are not supported by this version.";
  wire::FindCoordinatorResponse response;
  if (version < kBatchesSince) {
    refuse(response, kError, kMessage);
    response.node_id = BrokerId(-1);
    response.port = kNoPort;
    return response;
  }
  for (const std::string& key : request.coordinator_keys) {
    auto& answer = response.coordinators.emplace_back();
    answer.key = key;
    answer.node_id = BrokerId(-1);
    answer.port = kNoPort;
    refuse(answer, kError, kMessage);
  }
  return response;
}

}  // namespace

task::Task<wire::FindCoordinatorResponse> handle_find_coordinator(RequestContext& context,
                                                                  wire::FindCoordinatorRequest request) {
  ShardServer& server = context.server;
  if (request.key_type == wire::CoordinatorType::transaction) co_return no_transactions(request, context.version());
  const BrokerIdentity& self = server.identity();
  coord::Endpoint endpoint{self.node_id, self.advertised.host, self.advertised.port};
  co_return co_await coord::find_group_coordinator(std::move(request), context.version(), server.group_topics(),
                                                   server.view().broker().offsets_topic_num_partitions,
                                                   std::move(endpoint), server.context().after(kAdminDeadline));
}

}  // namespace chronik::server
