// OffsetCommit: a group's progress, durable before the answer.
#include "server/handlers/handle_groups.h"
#include "server/handlers/on_coordinator.h"

namespace chronik::server {

namespace {

task::Task<Result<wire::OffsetCommitResponse>> serve(ShardServer& server, wire::OffsetCommitRequest request,
                                                     coord::RequestContext who) {
  co_return co_await server.coordinator().offset_commit(std::move(request), std::move(who));
}

/// The answer if the other shard gives none.
wire::OffsetCommitResponse failed(const wire::OffsetCommitRequest& request) {
  wire::OffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      answers.partitions.push_back({partition.partition_index, wire::ErrorCode::coordinator_not_available});
    }
  }
  return response;
}

}  // namespace

task::Task<wire::OffsetCommitResponse> handle_offset_commit(RequestContext& context,
                                                            wire::OffsetCommitRequest request) {
  using Request = wire::OffsetCommitRequest;
  const ShardId owner = group_owner(context.server)(request.group_id);
  wire::OffsetCommitResponse otherwise;
  if (owner != context.server.shard().id()) otherwise = failed(request);
  auto answer = co_await on_shard<Request>(context, "offset_commit", owner, std::move(request), kGroupDeadline, &serve);
  co_return answer ? *std::move(answer) : std::move(otherwise);
}

}  // namespace chronik::server
