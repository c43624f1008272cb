// ConsumerGroupHeartbeat, ConsumerGroupDescribe.
#include <algorithm>

#include "base/canary.h"
#include "coord/coord.h"
#include "coord/core.h"
#include "coord/write_errors.h"

namespace chronik::coord {

namespace {

using Request = wire::ConsumerGroupHeartbeatRequest;
using Response = wire::ConsumerGroupHeartbeatResponse;

Response refused(ErrorCode error, std::optional<std::string> message = std::nullopt) {
  Response response;
  response.error_code = error;
  response.error_message = std::move(message);
  return response;
}

/// About what the heartbeat may write: itself, and every member's target.
std::size_t bytes_of(Core& core, const Request& request) {
  std::size_t bytes = 4 * kRecordOverhead + sizeof(ConsumerMember) + 4 * request.member_id.size() +
                      4 * request.group_id.size() + request.subscribed_topic_regex.value_or("").size() +
                      request.instance_id.value_or("").size() + request.rack_id.value_or("").size();
  for (const std::string& name : request.subscribed_topic_names.value_or(std::vector<std::string>{})) {
    const auto topic = core.topics().find(name);
    bytes += 2 * name.size() + kRecordOverhead + 16 * static_cast<std::size_t>(topic ? topic->partitions : 0);
  }
  return bytes;
}

/// Null if it can; then `trial` has taken it over.
const char* cannot_upgrade(Core& core, const Group& group, ConsumerGroup& trial) {
  const GroupConfig& config = core.config();
  const bool allowed = config.consumer_migration == MigrationPolicy::upgrade ||
                       config.consumer_migration == MigrationPolicy::bidirectional;
  if (!allowed) return "online upgrade is disabled";
  if (!group.uses_consumer_protocol()) return "the group does not use the consumer embedded protocol";
  if (group.members().size() > static_cast<std::size_t>(std::max(config.consumer_max_size, 0))) {
    return "the group size exceeds the consumer group maximum size";
  }
  return trial.adopt(group, core.topics(), core.clock()) ? nullptr : "the embedded consumer protocol is malformed";
}

/// Why the heartbeat is refused by the state of things; `entry` may be null.
std::optional<Refusal> refusal(Core& core, const Request& request, const Entry* entry) {
  const std::string& id = request.group_id;
  const bool joins = request.member_epoch == kJoinEpoch;
  if (entry != nullptr && entry->group.state() == GroupState::dead) {
    return Refusal{ErrorCode::coordinator_not_available, "Group " + id + " is being deleted."};
  }
  if (entry != nullptr && entry->consumer) return entry->consumer->refusal(request);
  if (!joins) {
    return Refusal{ErrorCode::group_id_not_found, entry == nullptr ? "Consumer group " + id + " not found."
                                                                   : "Group " + id + " is not a consumer group."};
  }
  ConsumerGroup trial(id, core.config());
  if (entry != nullptr && entry->has_members()) {
    if (const char* const why = cannot_upgrade(core, entry->group, trial)) {
      return Refusal{ErrorCode::group_id_not_found,
                     "Cannot upgrade classic group " + id + " to consumer group because " + why + "."};
    }
  }
  return trial.refusal(request);
}

}  // namespace

task::Task<Response> GroupCoordinator::consumer_group_heartbeat(Request request, RequestContext context) {
  const auto core = core_;
  if (auto bad = check_heartbeat(request, context.api_version, core->config())) {
    co_return refused(bad->error, std::move(bad->message));
  }
  ErrorCode error = core->status(request.group_id);
  if (error != ErrorCode::none) co_return refused(error);
  const ConsumerGroup::Caller caller{context.client_id, context.client_host, core->unique_text()};
  const Deadline until = std::min(context.deadline, core->context().after(core->config().offset_commit_timeout));

  Entry* entry = core->find(request.group_id);
  if (entry == nullptr || !entry->consumer || !entry->consumer->is_steady(request, caller, core->topics())) {
    const std::size_t bytes = bytes_of(*core, request);
    if (!core->has_memory(bytes)) co_return refused(ErrorCode::coordinator_not_available);
    const std::size_t all = bytes + (entry == nullptr ? 0 : entry->footprint());
    error = co_await Journal::room(core->log_of(request.group_id), all, until);
    if (error != ErrorCode::none) co_return refused(group_error(error));
    error = core->status(request.group_id);
    if (error != ErrorCode::none) co_return refused(error);
    entry = core->find(request.group_id);
  }
  if (auto bad = refusal(*core, request, entry)) co_return refused(bad->error, std::move(bad->message));
  if (entry == nullptr) entry = core->create(request.group_id);
  if (entry == nullptr) co_return refused(ErrorCode::coordinator_not_available);

  std::vector<Record> records;
  if (!entry->consumer) core->become_consumer(*entry, records);
  ConsumerGroup& group = *entry->consumer;
  Response response = request.member_epoch < 0 ? group.leave(request, core->topics())
                                               : group.heartbeat(request, caller, core->topics(), core->clock());
  if (request.member_epoch < 0) core->downgrade(*entry, records);
  error = core->store(*entry, std::move(records));
  if (error != ErrorCode::none) co_return refused(error);
  const Journal::WritePtr last_write = entry->last_write;
  if (entry->consumer) core->resolve_regexes(*entry);
  core->update(*entry, {});
  if (!canary(Canary::assignment_not_durable)) error = co_await Core::durable(last_write, until);
  if (error != ErrorCode::none) co_return refused(error);
  co_return response;
}

task::Task<wire::ConsumerGroupDescribeResponse> GroupCoordinator::consumer_group_describe(
    wire::ConsumerGroupDescribeRequest request, RequestContext context) {
  const auto core = core_;
  wire::ConsumerGroupDescribeResponse response;
  std::vector<Journal::WritePtr> writes;
  for (const std::string& id : request.group_ids) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = id;
    answer.error_code = id.empty() ? ErrorCode::invalid_group_id : core->status(id);
    writes.emplace_back();
    if (answer.error_code != ErrorCode::none) continue;
    const Entry* const entry = core->find(id);
    if (entry != nullptr && entry->consumer && entry->group.state() != GroupState::dead) {
      answer = entry->consumer->describe(core->topics());
      writes.back() = entry->last_write;
      continue;
    }
    answer.error_code = ErrorCode::group_id_not_found;
    answer.error_message = "Group " + id + (entry == nullptr ? " not found." : " is not a consumer group.");
  }
  // What is told is durable.
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const ErrorCode error = co_await Core::durable(std::move(writes[i]), context.deadline);
    if (error == ErrorCode::none) continue;
    wire::ConsumerGroupDescribeResponse::Group failed;
    failed.group_id = request.group_ids[i];
    failed.error_code = error;
    response.groups[i] = std::move(failed);
  }
  co_return response;
}

}  // namespace chronik::coord
