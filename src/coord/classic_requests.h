// JoinGroup, SyncGroup and LeaveGroup of members of a consumer group that still speak the classic protocol: what the
// face hands over when the group is one of the new protocol. Answers are durable, as heartbeats are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coord/core.h"

namespace chronik::coord {

/// There is room for what it writes, and the group has members.
task::Task<wire::JoinGroupResponse> join_consumer_group(std::shared_ptr<Core> core, wire::JoinGroupRequest request,
                                                        RequestContext context);
task::Task<wire::SyncGroupResponse> sync_consumer_group(std::shared_ptr<Core> core, wire::SyncGroupRequest request,
                                                        RequestContext context);
/// `results` run parallel to `leaving`, and stay where they are until this ends.
task::Task<ErrorCode> leave_consumer_group(std::shared_ptr<Core> core, std::string group,
                                           std::vector<wire::LeaveGroupRequest::MemberIdentity> leaving,
                                           std::vector<ErrorCode>& results, Deadline until);

}  // namespace chronik::coord
