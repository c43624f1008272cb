#include "coord/classic_requests.h"

#include <algorithm>

#include "coord/answers.h"
#include "coord/write_errors.h"

namespace chronik::coord {

task::Task<wire::JoinGroupResponse> join_consumer_group(std::shared_ptr<Core> core, wire::JoinGroupRequest request,
                                                        RequestContext context) {
  Entry* const entry = core->find(request.group_id);
  if (entry == nullptr || !entry->consumer || entry->group.state() == GroupState::dead) {
    co_return join_error(ErrorCode::coordinator_not_available, request.member_id);
  }
  const std::string unique = core->unique_text();
  const ErrorCode refused = entry->consumer->join_refusal(request, context.api_version);
  if (refused == ErrorCode::member_id_required) co_return join_error(refused, unique);
  if (refused != ErrorCode::none) co_return join_error(refused, request.member_id);
  const ConsumerGroup::Caller caller{context.client_id, context.client_host, unique};
  auto response = entry->consumer->join_classic(request, caller, core->topics(), core->clock());
  std::vector<Record> records;
  core->downgrade(*entry, records);
  ErrorCode error = core->store(*entry, std::move(records));
  if (error != ErrorCode::none) co_return join_error(error, request.member_id);
  const Journal::WritePtr last_write = entry->last_write;
  core->update(*entry, {});
  const Deadline until = std::min(context.deadline, core->context().after(core->config().offset_commit_timeout));
  error = co_await Core::durable(last_write, until);
  if (error != ErrorCode::none) co_return join_error(error, request.member_id);
  co_return response;
}

task::Task<wire::SyncGroupResponse> sync_consumer_group(std::shared_ptr<Core> core, wire::SyncGroupRequest request,
                                                        RequestContext context) {
  Entry* const entry = core->find(request.group_id);
  if (entry == nullptr || !entry->consumer) co_return sync_error(ErrorCode::coordinator_not_available);
  auto response = entry->consumer->sync_classic(request, core->topics(), core->clock());
  const Journal::WritePtr last_write = entry->last_write;
  core->update(*entry, {});
  const Deadline until = std::min(context.deadline, core->context().after(core->config().offset_commit_timeout));
  const ErrorCode error = co_await Core::durable(last_write, until);
  if (error != ErrorCode::none) co_return sync_error(error);
  co_return response;
}

task::Task<ErrorCode> leave_consumer_group(std::shared_ptr<Core> core, std::string group,
                                           std::vector<wire::LeaveGroupRequest::MemberIdentity> leaving,
                                           std::vector<ErrorCode>& results, Deadline deadline) {
  const Deadline until = std::min(deadline, core->context().after(core->config().offset_commit_timeout));
  const Entry* const before = core->find(group);
  ErrorCode error = co_await Journal::room(core->log_of(group), before->footprint(), until);
  if (error != ErrorCode::none) co_return group_error(error);
  Entry* const entry = core->find(group);
  if (entry == nullptr || !entry->consumer || entry->group.state() == GroupState::dead) {
    co_return ErrorCode::coordinator_not_available;
  }
  for (std::size_t i = 0; i < leaving.size(); ++i) {
    results[i] = entry->consumer->remove(leaving[i].member_id, leaving[i].group_instance_id, core->topics());
  }
  error = core->store(*entry, {});
  if (error != ErrorCode::none) co_return error;
  const Journal::WritePtr last_write = entry->last_write;
  core->update(*entry, {});
  co_return co_await Core::durable(last_write, until);
}

}  // namespace chronik::coord
