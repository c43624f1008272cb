// The table of /v1/: every operation with what it takes and answers. The router and the OpenAPI document are made from
// it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/checkpoints/call.h"

namespace chronik::admin {

struct Parameter {
  const char* name;
  const char* type;  // of OpenAPI: "string", "integer", "boolean"
  const char* what;
  bool repeated = false;
};

/// How it is carried out.
enum class Kind : std::uint8_t {
  simple,   // `run`, on a thread that may block
  lengthy,  // the same; few at a time
  create,   // the payload is the body; waits for the disk on the loop
  payload,  // answers with a payload
  diff,     // reads two payloads
  events,   // may wait for one
  stream,   // becomes a WebSocket
  exports,  // answers with lines
  imports,  // takes lines
};

struct Route {
  const char* method;
  const char* path;  // "/v1/sessions/{session}/checkpoints"
  const char* id;    // OpenAPI's operationId
  const char* summary;
  Kind kind;
  std::span<const Parameter> query;
  const char* takes;    // name of the schema of its JSON body; "" none, "payload", "lines"
  int status;           // of success
  const char* answers;  // name of the schema; "" nothing, "payload", "lines", "events"
  cp::Result<Reply> (*run)(const cp::Store& store, const Call& call);
};

std::span<const Route> routes();
/// Null: nothing is there; then `allowed` lists the methods of that path, if it has any.
const Route* find_route(std::string_view method, const std::vector<std::string>& segments,
                        std::vector<std::string>& values, std::string& allowed);

/// OpenAPI 3.1, as JSON.
const std::string& openapi();

// Used by those that are more than one call of the store.
cp::Result<cp::Session> session_of(const cp::Store& store, const Call& call);
cp::Result<cp::Checkpoint> checkpoint_of(const cp::Session& session, const Call& call, const std::string& ref);
cp::Result<cp::CreateOptions> create_options(const Call& call);
Reply created(const cp::Checkpoint& checkpoint, const Call& call);

}  // namespace chronik::admin
