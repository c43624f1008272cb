// OffsetFetch: committed offsets, of several groups at once from version 8 on.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;

task::Task<Result<wire::OffsetFetchResponse>> serve(ShardServer& server, wire::OffsetFetchRequest request,
                                                    coord::RequestContext who) {
  co_return server.coordinator().offset_fetch(request, who);
}

/// The answer of a shard that gives none. NOT_COORDINATOR: older clients take other errors here for fatal.
wire::OffsetFetchResponse failed(const wire::OffsetFetchRequest& request) {
  wire::OffsetFetchResponse response;
  for (const auto& group : request.groups) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = group.group_id;
    answer.error_code = ErrorCode::not_coordinator;
  }
  if (!request.groups.empty()) return response;
  response.error_code = ErrorCode::not_coordinator;
  if (!request.topics) return response;
  for (const auto& topic : *request.topics) {  // version 1 has errors here only
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const PartitionIndex index : topic.partition_indexes) {
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = index;
      answer.error_code = ErrorCode::not_coordinator;
    }
  }
  return response;
}

}  // namespace

task::Task<wire::OffsetFetchResponse> handle_offset_fetch(RequestContext& context, wire::OffsetFetchRequest request) {
  auto parts = coord::split(request, context.version(), group_owner(context.server));
  co_return co_await on_shards<wire::OffsetFetchRequest>(context, "offset_fetch", std::move(parts), &serve, &failed);
}

}  // namespace chronik::server
