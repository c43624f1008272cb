// Handlers of requests about configurations.
#pragma once

#include "server/request.h"
#include "task/task.h"
#include "wire/messages/alter_configs.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/incremental_alter_configs.h"

namespace chronik::server {

task::Task<wire::DescribeConfigsResponse> handle_describe_configs(RequestContext& context,
                                                                  wire::DescribeConfigsRequest request);
task::Task<wire::AlterConfigsResponse> handle_alter_configs(RequestContext& context, wire::AlterConfigsRequest request);
task::Task<wire::IncrementalAlterConfigsResponse> handle_incremental_alter_configs(
    RequestContext& context, wire::IncrementalAlterConfigsRequest request);

}  // namespace chronik::server
