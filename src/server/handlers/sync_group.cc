// SyncGroup: a member gets its assignment; answered when the leader has given it.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::SyncGroupResponse>> serve(ShardServer& server, wire::SyncGroupRequest request,
                                                  coord::RequestContext who) {
  co_return co_await server.coordinator().sync_group(std::move(request), std::move(who));
}

}  // namespace

task::Task<wire::SyncGroupResponse> handle_sync_group(RequestContext& context, wire::SyncGroupRequest request) {
  // The answer comes when the other members are there; until then this connection reads no further request.
  auto answer = co_await on_coordinator<wire::SyncGroupRequest>(context, "sync_group", std::move(request),
                                                                coord::kRebalanceWaitMax, &serve);
  if (answer) co_return *std::move(answer);
  wire::SyncGroupResponse response;
  response.error_code = wire::ErrorCode::coordinator_not_available;
  co_return response;
}

}  // namespace chronik::server
