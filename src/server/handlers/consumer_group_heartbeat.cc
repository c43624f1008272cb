// ConsumerGroupHeartbeat: a member of the new consumer protocol joins, stays in or leaves its group.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::ConsumerGroupHeartbeatResponse>> serve(ShardServer& server,
                                                               wire::ConsumerGroupHeartbeatRequest request,
                                                               coord::RequestContext who) {
  co_return co_await server.coordinator().consumer_group_heartbeat(std::move(request), std::move(who));
}

}  // namespace

task::Task<wire::ConsumerGroupHeartbeatResponse> handle_consumer_group_heartbeat(
    RequestContext& context, wire::ConsumerGroupHeartbeatRequest request) {
  auto answer = co_await on_coordinator<wire::ConsumerGroupHeartbeatRequest>(
      context, "consumer_group_heartbeat", std::move(request), kGroupDeadline, &serve);
  if (answer) co_return *std::move(answer);
  wire::ConsumerGroupHeartbeatResponse response;
  response.error_code = wire::ErrorCode::coordinator_not_available;
  co_return response;
}

}  // namespace chronik::server
