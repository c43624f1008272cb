// DescribeGroups: state and members of groups.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"
#include "server/handlers/operations.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::DescribeGroupsResponse>> serve(ShardServer& server, wire::DescribeGroupsRequest request,
                                                       coord::RequestContext who) {
  co_return server.coordinator().describe_groups(request, who);
}

/// The answer of a shard that gives none.
wire::DescribeGroupsResponse failed(const wire::DescribeGroupsRequest& request) {
  wire::DescribeGroupsResponse response;
  for (const std::string& group : request.groups) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = group;
    answer.error_code = wire::ErrorCode::coordinator_not_available;
  }
  return response;
}

}  // namespace

task::Task<wire::DescribeGroupsResponse> handle_describe_groups(RequestContext& context,
                                                                wire::DescribeGroupsRequest request) {
  using Request = wire::DescribeGroupsRequest;
  auto parts = coord::split(request, group_owner(context.server));
  auto response = co_await on_shards<Request>(context, "describe_groups", std::move(parts), &serve, &failed);
  for (auto& group : response.groups) {
    if (group.error_code != wire::ErrorCode::none) continue;
    group.authorized_operations = operations_if(request.include_authorized_operations, kGroupOperations);
  }
  co_return response;
}

}  // namespace chronik::server
