// JoinGroup: a member enters its group; answered when all members are there.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::JoinGroupResponse>> serve(ShardServer& server, wire::JoinGroupRequest request,
                                                  coord::RequestContext who) {
  co_return co_await server.coordinator().join_group(std::move(request), std::move(who));
}

}  // namespace

task::Task<wire::JoinGroupResponse> handle_join_group(RequestContext& context, wire::JoinGroupRequest request) {
  // The answer comes when the other members are there; until then this connection reads no further request.
  std::string member = request.member_id;
  auto answer = co_await on_coordinator<wire::JoinGroupRequest>(context, "join_group", std::move(request),
                                                                coord::kRebalanceWaitMax, &serve);
  if (answer) co_return *std::move(answer);
  wire::JoinGroupResponse response;
  response.error_code = wire::ErrorCode::coordinator_not_available;
  response.member_id = std::move(member);
  co_return response;
}

}  // namespace chronik::server
