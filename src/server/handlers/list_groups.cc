// ListGroups: the groups of all shards.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::ListGroupsResponse>> serve(ShardServer& server, wire::ListGroupsRequest request,
                                                   coord::RequestContext who) {
  co_return server.coordinator().list_groups(request, who);
}

/// The answer of a shard that gives none.
wire::ListGroupsResponse failed(const wire::ListGroupsRequest&) {
  wire::ListGroupsResponse response;
  response.error_code = wire::ErrorCode::coordinator_not_available;
  return response;
}

}  // namespace

task::Task<wire::ListGroupsResponse> handle_list_groups(RequestContext& context, wire::ListGroupsRequest request) {
  std::map<ShardId, wire::ListGroupsRequest> parts;
  for (std::size_t i = 0; i < context.server.broker().shards().size(); ++i) {
    parts.emplace(ShardId(static_cast<std::uint32_t>(i)), request);
  }
  co_return co_await on_shards<wire::ListGroupsRequest>(context, "list_groups", std::move(parts), &serve, &failed);
}

}  // namespace chronik::server
