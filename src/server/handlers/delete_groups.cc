// DeleteGroups: removes empty groups with their offsets.
#include <algorithm>

#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::DeleteGroupsResponse>> serve(ShardServer& server, wire::DeleteGroupsRequest request,
                                                     coord::RequestContext who) {
  co_return co_await server.coordinator().delete_groups(std::move(request), std::move(who));
}

/// The answer of a shard that gives none.
wire::DeleteGroupsResponse failed(const wire::DeleteGroupsRequest& request) {
  wire::DeleteGroupsResponse response;
  for (const std::string& group : request.groups_names) {
    auto& answer = response.results.emplace_back();
    answer.group_id = group;
    answer.error_code = wire::ErrorCode::coordinator_not_available;
  }
  return response;
}

}  // namespace

task::Task<wire::DeleteGroupsResponse> handle_delete_groups(RequestContext& context,
                                                            wire::DeleteGroupsRequest request) {
  // A group named twice is one group, as in Kafka: deleting it again would hide that it was deleted.
  auto& names = request.groups_names;
  std::ranges::sort(names);
  const auto again = std::ranges::unique(names);
  names.erase(again.begin(), again.end());
  auto parts = coord::split(request, group_owner(context.server));
  co_return co_await on_shards<wire::DeleteGroupsRequest>(context, "delete_groups", std::move(parts), &serve, &failed);
}

}  // namespace chronik::server
