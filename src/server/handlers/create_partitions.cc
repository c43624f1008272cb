// CreatePartitions: more partitions for existing topics.
#include <map>

#include "server/handlers/common.h"
#include "server/handlers/handle_topics.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Topic = wire::CreatePartitionsRequest::Topic;

/// What is wrong with the form of one item; counts are checked by the metadata room.
std::optional<meta::ItemOutcome> check(ShardServer& server, const Topic& asked) {
  const meta::TopicPtr topic = server.view().image()->find(asked.name);
  if (!topic) return std::nullopt;  // said by the metadata room
  const std::int64_t added = std::int64_t{asked.count} - topic->partition_count();
  if (!asked.assignments || added <= 0) return std::nullopt;
  if (std::cmp_not_equal(asked.assignments->size(), added)) {
    return meta::ItemOutcome{ErrorCode::invalid_replica_assignment,
                             "Attempted to add " + std::to_string(added) + " additional partition(s), but " +
                                 std::to_string(asked.assignments->size()) + " assignment(s) were specified."};
  }
  for (const auto& assignment : *asked.assignments) {
    if (auto why = assignment_problem(server.identity().node_id, assignment.broker_ids)) {
      return meta::ItemOutcome{ErrorCode::invalid_replica_assignment, *std::move(why)};
    }
  }
  return std::nullopt;
}

}  // namespace

task::Task<wire::CreatePartitionsResponse> handle_create_partitions(RequestContext& context,
                                                                    wire::CreatePartitionsRequest request) {
  ShardServer& server = context.server;
  wire::CreatePartitionsResponse response;
  std::map<std::string, std::size_t> times;
  for (const Topic& topic : request.topics) ++times[topic.name];

  std::vector<meta::PartitionsRequest> wanted;
  std::vector<std::size_t> slots;
  for (const Topic& topic : request.topics) {
    std::size_t& count = times[topic.name];
    if (count == 0) continue;  // a duplicate: answered already
    auto& answer = response.results.emplace_back();
    answer.name = topic.name;
    if (count > 1) {
      refuse(answer, ErrorCode::invalid_request, "Duplicate topic name.");
      count = 0;
      continue;
    }
    if (auto why = check(server, topic)) {
      refuse(answer, why->error, std::move(why->message));
      continue;
    }
    slots.push_back(response.results.size() - 1);
    wanted.push_back({topic.name, topic.count});
  }
  if (wanted.empty()) co_return response;

  const auto outcomes =
      co_await meta::create_partitions(server.metadata(), server.shard(), std::move(wanted), request.validate_only,
                                       client_deadline(server.context(), request.timeout_ms));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    auto& answer = response.results[slots[i]];
    if (!outcomes) {
      refuse(answer, outcomes.error());
    } else if (!(*outcomes)[i].ok()) {
      refuse(answer, (*outcomes)[i].error, (*outcomes)[i].message);
    }
  }
  co_return response;
}

}  // namespace chronik::server
