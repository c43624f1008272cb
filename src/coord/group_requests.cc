// DescribeGroups, ListGroups, DeleteGroups.
#include <algorithm>
#include <cctype>

#include "coord/coord.h"
#include "coord/core.h"

namespace chronik::coord {

namespace {

constexpr std::int16_t kGroupIdNotFoundSince = 6;  // DescribeGroups: before, an unknown group is Dead
constexpr std::string_view kClassicType = "classic";
constexpr std::string_view kConsumerType = "consumer";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// An empty filter lets everything pass.
bool passes(const std::vector<std::string>& filter, std::string_view value) {
  return filter.empty() ||
         std::ranges::any_of(filter, [&](const std::string& wanted) { return equal_ignoring_case(wanted, value); });
}

}  // namespace

wire::DescribeGroupsResponse GroupCoordinator::describe_groups(const wire::DescribeGroupsRequest& request,
                                                               const RequestContext& context) {
  wire::DescribeGroupsResponse response;
  for (const std::string& id : request.groups) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = id;
    answer.error_code = core_->status(id);
    if (answer.error_code != ErrorCode::none) continue;
    const Entry* const entry = core_->find(id);
    const bool is_consumer = entry != nullptr && entry->consumer;
    if (entry != nullptr && !is_consumer) {
      answer = entry->group.describe();
      continue;
    }
    answer.group_state = to_string(GroupState::dead);
    if (context.api_version < kGroupIdNotFoundSince) continue;
    answer.error_code = ErrorCode::group_id_not_found;
    answer.error_message = "Group " + id + (is_consumer ? " is not a classic group." : " not found.");
  }
  return response;
}

wire::ListGroupsResponse GroupCoordinator::list_groups(const wire::ListGroupsRequest& request,
                                                       const RequestContext& /*context*/) {
  wire::ListGroupsResponse response;
  if (core_->closed()) {
    response.error_code = ErrorCode::coordinator_not_available;
    return response;
  }
  if (core_->loading()) response.error_code = ErrorCode::coordinator_load_in_progress;
  for (const auto& [id, entry] : core_->groups()) {
    const bool is_consumer = entry->consumer != nullptr && entry->group.state() != GroupState::dead;
    const std::string_view type = is_consumer ? kConsumerType : kClassicType;
    const std::string_view state = is_consumer ? to_string(entry->consumer->state()) : to_string(entry->group.state());
    if (!core_->served(*entry) || !passes(request.types_filter, type) || !passes(request.states_filter, state))
      continue;
    response.groups.push_back({id, is_consumer ? std::string(kConsumerType) : entry->group.protocol_type().value_or(""),
                               std::string(state), std::string(type)});
  }
  return response;
}

task::Task<wire::DeleteGroupsResponse> GroupCoordinator::delete_groups(wire::DeleteGroupsRequest request,
                                                                       RequestContext context) {
  const auto core = core_;
  wire::DeleteGroupsResponse response;
  // All begin before the first is waited for: they share their group commits.
  std::vector<std::pair<std::size_t, Journal::WritePtr>> under_way;
  for (const std::string& id : request.groups_names) {
    auto& result = response.results.emplace_back();
    result.group_id = id;
    result.error_code = core->status(id);
    if (result.error_code != ErrorCode::none) continue;
    auto started = core->start_deletion(id);
    if (started) {
      under_way.emplace_back(response.results.size() - 1, *std::move(started));
    } else {
      result.error_code = started.error();
    }
  }
  for (auto& [index, outcome] : under_way) {
    const ErrorCode error = co_await Journal::settled(std::move(outcome), context.deadline);
    response.results[index].error_code =
        error == ErrorCode::request_timed_out ? ErrorCode::coordinator_not_available : error;
  }
  co_return response;
}

}  // namespace chronik::coord
