// OffsetDelete: forgets committed offsets of a group.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::OffsetDeleteResponse>> serve(ShardServer& server, wire::OffsetDeleteRequest request,
                                                     coord::RequestContext who) {
  co_return co_await server.coordinator().offset_delete(std::move(request), std::move(who));
}

}  // namespace

task::Task<wire::OffsetDeleteResponse> handle_offset_delete(RequestContext& context,
                                                            wire::OffsetDeleteRequest request) {
  auto answer = co_await on_coordinator<wire::OffsetDeleteRequest>(context, "offset_delete", std::move(request),
                                                                   kGroupDeadline, &serve);
  if (answer) co_return *std::move(answer);
  wire::OffsetDeleteResponse response;
  response.error_code = wire::ErrorCode::coordinator_not_available;
  co_return response;
}

}  // namespace chronik::server
