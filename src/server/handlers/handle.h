// The handlers, one a file: each takes a decoded request and gives the response. Errors are inside the response, as
// Kafka has them.
#pragma once

#include <optional>

#include "server/request.h"
#include "task/task.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/fetch.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/metadata.h"
#include "wire/messages/produce.h"

namespace chronik::server {

/// nullopt: acks=0, nothing is sent.
task::Task<std::optional<wire::ProduceResponse>> handle_produce(RequestContext& context, wire::ProduceRequest request);
task::Task<wire::FetchResponse> handle_fetch(RequestContext& context, wire::FetchRequest request);
task::Task<wire::ListOffsetsResponse> handle_list_offsets(RequestContext& context, wire::ListOffsetsRequest request);
task::Task<wire::MetadataResponse> handle_metadata(RequestContext& context, wire::MetadataRequest request);
task::Task<wire::ApiVersionsResponse> handle_api_versions(RequestContext& context, wire::ApiVersionsRequest request);

}  // namespace chronik::server
