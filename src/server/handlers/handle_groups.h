// Handlers of requests about consumer groups and their offsets.
#pragma once

#include "server/request.h"
#include "task/task.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/consumer_group_heartbeat.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/join_group.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_delete.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/sync_group.h"

namespace chronik::server {

task::Task<wire::FindCoordinatorResponse> handle_find_coordinator(RequestContext& context,
                                                                  wire::FindCoordinatorRequest request);
task::Task<wire::JoinGroupResponse> handle_join_group(RequestContext& context, wire::JoinGroupRequest request);
task::Task<wire::SyncGroupResponse> handle_sync_group(RequestContext& context, wire::SyncGroupRequest request);
task::Task<wire::HeartbeatResponse> handle_heartbeat(RequestContext& context, wire::HeartbeatRequest request);
task::Task<wire::LeaveGroupResponse> handle_leave_group(RequestContext& context, wire::LeaveGroupRequest request);
task::Task<wire::ConsumerGroupHeartbeatResponse> handle_consumer_group_heartbeat(
    RequestContext& context, wire::ConsumerGroupHeartbeatRequest request);
task::Task<wire::ConsumerGroupDescribeResponse> handle_consumer_group_describe(
    RequestContext& context, wire::ConsumerGroupDescribeRequest request);
task::Task<wire::OffsetCommitResponse> handle_offset_commit(RequestContext& context, wire::OffsetCommitRequest request);
task::Task<wire::OffsetFetchResponse> handle_offset_fetch(RequestContext& context, wire::OffsetFetchRequest request);
task::Task<wire::OffsetDeleteResponse> handle_offset_delete(RequestContext& context, wire::OffsetDeleteRequest request);
task::Task<wire::DescribeGroupsResponse> handle_describe_groups(RequestContext& context,
                                                                wire::DescribeGroupsRequest request);
task::Task<wire::ListGroupsResponse> handle_list_groups(RequestContext& context, wire::ListGroupsRequest request);
task::Task<wire::DeleteGroupsResponse> handle_delete_groups(RequestContext& context, wire::DeleteGroupsRequest request);

}  // namespace chronik::server
