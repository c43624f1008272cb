// The table of what this server answers. One API, one file in handlers/; an API enters the table with its handler or is
// not advertised.
#pragma once

#include "server/request.h"
#include "task/task.h"
#include "wire/handler_table.h"

namespace chronik::server {

/// Answers one decoded-on-demand request: the frame for the socket, empty for none. An error closes the connection.
using Handler = task::Task<Result<std::vector<Buffer>>> (*)(RequestContext&, const wire::RequestFrame&);
using Handlers = wire::HandlerTable<Handler>;

/// Every API of this build. Built once, shared by all shards, never changed.
const Handlers& all_handlers();

/// The answer to an ApiVersions request of a version we do not know: in version 0, with the ranges we do (KIP-511).
Result<std::vector<Buffer>> unknown_api_versions(std::int32_t correlation_id);

}  // namespace chronik::server
