// The face: life, and the requests of members. Offsets: offset_requests.cc. Looking and deleting: group_requests.cc.
#include "coord/coord.h"

#include <algorithm>

#include "coord/answers.h"
#include "coord/classic_requests.h"
#include "coord/core.h"
#include "coord/write_errors.h"

namespace chronik::coord {

GroupCoordinator::GroupCoordinator(shard::Shard& shard, Topics& topics, GroupConfig config)
    : core_(std::make_shared<Core>(shard, topics, config)) {}

GroupCoordinator::~GroupCoordinator() {
  core_->close();
}

void GroupCoordinator::own(PartitionIndex index, log::PartitionPtr partition) {
  core_->own(index, std::move(partition));
}

void GroupCoordinator::disown(PartitionIndex index) {
  core_->disown(index);
}

void GroupCoordinator::topics_changed() {
  core_->request_sweep();
}

void GroupCoordinator::set_config(const GroupConfig& config) {
  core_->set_config(config);
}

task::Task<void> GroupCoordinator::close(Deadline until) {
  co_await core_->drain(until);
  core_->close();
}

void GroupCoordinator::check_invariants() const {
  core_->check_invariants();
}

namespace {

/// A request of a group, waiting to be answered. Leaves the coordinator's list when its coroutine ends, however.
class Waiting {
 public:
  explicit Waiting(Core& core) : core_(core), waiter_(core.context()), ticket_(core.enlist(waiter_)) {}
  ~Waiting() { core_.strike(ticket_); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  Ticket ticket() const { return ticket_; }
  task::Task<wire::JoinGroupResponse> join(std::string member, Deadline until) {
    while (!waiter_.join) {
      if (co_await waiter_.answered.wait("coord.join", until) != task::Woken::notified && !waiter_.join) {
        co_return join_error(ErrorCode::rebalance_in_progress, std::move(member));
      }
    }
    co_return *std::move(waiter_.join);
  }
  task::Task<wire::SyncGroupResponse> sync(Deadline until) {
    while (!waiter_.sync) {
      if (co_await waiter_.answered.wait("coord.sync", until) != task::Woken::notified && !waiter_.sync) {
        co_return sync_error(ErrorCode::rebalance_in_progress);
      }
    }
    co_return *std::move(waiter_.sync);
  }

 private:
  Core& core_;
  Waiter waiter_;
  Ticket ticket_;
};

std::size_t bytes_of(const wire::JoinGroupRequest& request) {
  std::size_t bytes = sizeof(Member) + 4 * request.member_id.size() + 2 * request.group_id.size();
  for (const auto& protocol : request.protocols) bytes += protocol.name.size() + protocol.metadata.size();
  return bytes;
}

std::size_t bytes_of(const wire::SyncGroupRequest& request) {
  std::size_t bytes = 0;
  for (const auto& given : request.assignments) bytes += kRecordOverhead + given.assignment.size();
  return bytes;
}

/// Makes sure that what the group is about to write has room: a full log is back-pressure, no reason to rebalance.
task::Task<ErrorCode> room_for_group(Core& core, std::string group, std::size_t more, Deadline until) {
  const Entry* const entry = core.find(group);
  const auto log = core.log_of(group);
  if (log == nullptr) co_return ErrorCode::not_coordinator;
  const std::size_t bytes = more + kRecordOverhead + (entry == nullptr ? 0 : entry->footprint());
  const Deadline patience = std::min(until, core.context().after(core.config().offset_commit_timeout));
  const ErrorCode error = co_await Journal::room(log, bytes, patience);
  co_return error == ErrorCode::none ? error : group_error(error);
}

}  // namespace

task::Task<wire::JoinGroupResponse> GroupCoordinator::join_group(wire::JoinGroupRequest request,
                                                                 RequestContext context) {
  const auto core = core_;
  const std::string& id = request.member_id;
  if (request.group_id.empty()) co_return join_error(ErrorCode::invalid_group_id, id);
  ErrorCode error = core->status(request.group_id);
  const Entry* const known = core->find(request.group_id);
  const bool converts = known != nullptr && known->consumer;
  if (error == ErrorCode::none && (request.group_instance_id || converts)) {
    error = co_await room_for_group(*core, request.group_id, bytes_of(request), context.deadline);
    if (error == ErrorCode::none) error = core->status(request.group_id);
  }
  if (error != ErrorCode::none) co_return join_error(error, id);
  if (request.session_timeout_ms < core->config().min_session_timeout_ms ||
      request.session_timeout_ms > core->config().max_session_timeout_ms) {
    co_return join_error(ErrorCode::invalid_session_timeout, id);
  }
  if (!core->has_memory(bytes_of(request))) co_return join_error(ErrorCode::coordinator_not_available, id);
  Entry* entry = core->find(request.group_id);
  if (entry != nullptr && entry->consumer) {
    if (!entry->consumer->empty()) co_return co_await join_consumer_group(core, std::move(request), std::move(context));
    std::vector<Record> records;
    core->become_classic(*entry, records);
    error = core->store(*entry, std::move(records));
    if (error != ErrorCode::none) co_return join_error(error, id);
    // With nothing left in it the group is no more.
    entry = core->find(request.group_id);
  }
  if (entry == nullptr && !id.empty()) co_return join_error(ErrorCode::unknown_member_id, id);
  if (entry == nullptr) entry = core->create(request.group_id);
  if (entry == nullptr) co_return join_error(ErrorCode::coordinator_not_available, id);

  Waiting waiting(*core);
  const Joiner joiner{context.client_id, context.client_host, context.api_version, core->unique_text()};
  core->update(*entry, entry->group.join(waiting.ticket(), request, joiner, core->clock()));
  co_return co_await waiting.join(id, context.deadline);
}

task::Task<wire::SyncGroupResponse> GroupCoordinator::sync_group(wire::SyncGroupRequest request,
                                                                 RequestContext context) {
  const auto core = core_;
  if (context.api_version >= 5 && (!request.protocol_type || !request.protocol_name)) {
    co_return sync_error(ErrorCode::inconsistent_group_protocol);
  }
  if (request.group_id.empty()) co_return sync_error(ErrorCode::invalid_group_id);
  ErrorCode error = core->status(request.group_id);
  if (error == ErrorCode::none && !request.assignments.empty()) {
    if (!core->has_memory(bytes_of(request))) co_return sync_error(ErrorCode::coordinator_not_available);
    error = co_await room_for_group(*core, request.group_id, bytes_of(request), context.deadline);
    if (error == ErrorCode::none) error = core->status(request.group_id);
  }
  // The rebalance is lost with the state that is being loaded; older clients do not know the other error here.
  if (error == ErrorCode::coordinator_load_in_progress) error = ErrorCode::rebalance_in_progress;
  if (error != ErrorCode::none) co_return sync_error(error);
  Entry* const entry = core->find(request.group_id);
  if (entry == nullptr) co_return sync_error(ErrorCode::unknown_member_id);
  if (entry->consumer) co_return co_await sync_consumer_group(core, std::move(request), std::move(context));

  Waiting waiting(*core);
  core->update(*entry, entry->group.sync(waiting.ticket(), request));
  co_return co_await waiting.sync(context.deadline);
}

wire::HeartbeatResponse GroupCoordinator::heartbeat(const wire::HeartbeatRequest& request,
                                                    const RequestContext& /*context*/) {
  wire::HeartbeatResponse response;
  if (request.group_id.empty()) {
    response.error_code = ErrorCode::invalid_group_id;
    return response;
  }
  const ErrorCode error = core_->status(request.group_id);
  if (error != ErrorCode::none) {
    // While loading nobody is missed.
    if (error != ErrorCode::coordinator_load_in_progress) response.error_code = error;
    return response;
  }
  Entry* const entry = core_->find(request.group_id);
  if (entry == nullptr) {
    response.error_code = ErrorCode::unknown_member_id;
    return response;
  }
  if (entry->consumer) {
    response.error_code = entry->consumer->heartbeat_classic(request.member_id, request.group_instance_id,
                                                             request.generation_id, core_->clock());
    core_->update(*entry, {});
    return response;
  }
  response.error_code =
      entry->group.heartbeat(request.member_id, request.group_instance_id, request.generation_id, core_->clock());
  return response;
}

task::Task<wire::LeaveGroupResponse> GroupCoordinator::leave_group(wire::LeaveGroupRequest request,
                                                                   RequestContext context) {
  const auto core = core_;
  wire::LeaveGroupResponse response;
  response.error_code = request.group_id.empty() ? ErrorCode::invalid_group_id : core->status(request.group_id);
  if (response.error_code != ErrorCode::none) co_return response;

  auto leaving = request.members;
  if (context.api_version < 3) leaving = {{request.member_id, std::nullopt, std::nullopt}};
  std::vector<ErrorCode> results(leaving.size(), ErrorCode::unknown_member_id);
  Entry* const entry = core->find(request.group_id);
  if (entry != nullptr && entry->group.state() == GroupState::dead) {
    response.error_code = ErrorCode::coordinator_not_available;
    co_return response;
  }
  if (entry != nullptr && entry->consumer) {
    response.error_code = co_await leave_consumer_group(core, request.group_id, leaving, results, context.deadline);
    if (response.error_code != ErrorCode::none) co_return response;
  } else if (entry != nullptr) {
    core->update(*entry, entry->group.leave(leaving, results, core->clock()));
  }
  if (context.api_version < 3) {
    response.error_code = results.front();
    co_return response;
  }
  for (std::size_t i = 0; i < leaving.size(); ++i) {
    response.members.push_back({leaving[i].member_id, leaving[i].group_instance_id, results[i]});
  }
  co_return response;
}

}  // namespace chronik::coord
