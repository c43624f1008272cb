// ConsumerGroupDescribe: state and members of groups of the new consumer protocol.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"
#include "server/handlers/operations.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::ConsumerGroupDescribeResponse>> serve(ShardServer& server,
                                                              wire::ConsumerGroupDescribeRequest request,
                                                              coord::RequestContext who) {
  co_return co_await server.coordinator().consumer_group_describe(std::move(request), std::move(who));
}

/// The answer of a shard that gives none.
wire::ConsumerGroupDescribeResponse failed(const wire::ConsumerGroupDescribeRequest& request) {
  wire::ConsumerGroupDescribeResponse response;
  for (const std::string& group : request.group_ids) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = group;
    answer.error_code = wire::ErrorCode::coordinator_not_available;
  }
  return response;
}

}  // namespace

task::Task<wire::ConsumerGroupDescribeResponse> handle_consumer_group_describe(
    RequestContext& context, wire::ConsumerGroupDescribeRequest request) {
  using Request = wire::ConsumerGroupDescribeRequest;
  auto parts = coord::split(request, group_owner(context.server));
  auto response = co_await on_shards<Request>(context, "consumer_group_describe", std::move(parts), &serve, &failed);
  for (auto& group : response.groups) {
    if (group.error_code != wire::ErrorCode::none) continue;
    group.authorized_operations = operations_if(request.include_authorized_operations, kGroupOperations);
  }
  co_return response;
}

}  // namespace chronik::server
