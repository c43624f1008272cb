// Heartbeat: a member is alive, and learns of rebalances.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::HeartbeatResponse>> serve(ShardServer& server, wire::HeartbeatRequest request,
                                                  coord::RequestContext who) {
  co_return server.coordinator().heartbeat(request, who);
}

}  // namespace

task::Task<wire::HeartbeatResponse> handle_heartbeat(RequestContext& context, wire::HeartbeatRequest request) {
  auto answer =
      co_await on_coordinator<wire::HeartbeatRequest>(context, "heartbeat", std::move(request), kGroupDeadline, &serve);
  if (answer) co_return *std::move(answer);
  wire::HeartbeatResponse response;
  response.error_code = wire::ErrorCode::coordinator_not_available;
  co_return response;
}

}  // namespace chronik::server
