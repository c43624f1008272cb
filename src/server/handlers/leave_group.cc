// LeaveGroup: members leave their group.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::LeaveGroupResponse>> serve(ShardServer& server, wire::LeaveGroupRequest request,
                                                   coord::RequestContext who) {
  co_return co_await server.coordinator().leave_group(std::move(request), std::move(who));
}

}  // namespace

task::Task<wire::LeaveGroupResponse> handle_leave_group(RequestContext& context, wire::LeaveGroupRequest request) {
  auto answer = co_await on_coordinator<wire::LeaveGroupRequest>(context, "leave_group", std::move(request),
                                                                 kGroupDeadline, &serve);
  if (answer) co_return *std::move(answer);
  wire::LeaveGroupResponse response;
  response.error_code = wire::ErrorCode::coordinator_not_available;
  co_return response;
}

}  // namespace chronik::server
