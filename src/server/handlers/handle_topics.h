// Handlers of requests about topics, their partitions and records, and about the cluster.
#pragma once

#include "server/request.h"
#include "task/task.h"
#include "wire/messages/create_partitions.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_records.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/describe_cluster.h"
#include "wire/messages/describe_log_dirs.h"
#include "wire/messages/describe_topic_partitions.h"
#include "wire/messages/offset_for_leader_epoch.h"

namespace chronik::server {

task::Task<wire::CreateTopicsResponse> handle_create_topics(RequestContext& context, wire::CreateTopicsRequest request);
task::Task<wire::DeleteTopicsResponse> handle_delete_topics(RequestContext& context, wire::DeleteTopicsRequest request);
task::Task<wire::CreatePartitionsResponse> handle_create_partitions(RequestContext& context,
                                                                    wire::CreatePartitionsRequest request);
task::Task<wire::DeleteRecordsResponse> handle_delete_records(RequestContext& context,
                                                              wire::DeleteRecordsRequest request);
task::Task<wire::OffsetForLeaderEpochResponse> handle_offset_for_leader_epoch(
    RequestContext& context, wire::OffsetForLeaderEpochRequest request);
task::Task<wire::DescribeLogDirsResponse> handle_describe_log_dirs(RequestContext& context,
                                                                   wire::DescribeLogDirsRequest request);
task::Task<wire::DescribeTopicPartitionsResponse> handle_describe_topic_partitions(
    RequestContext& context, wire::DescribeTopicPartitionsRequest request);
task::Task<wire::DescribeClusterResponse> handle_describe_cluster(RequestContext& context,
                                                                  wire::DescribeClusterRequest request);

}  // namespace chronik::server
