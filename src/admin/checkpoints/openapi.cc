// The OpenAPI document of /v1/, made from the table of routes; the schemas of its bodies stand here.
#include "admin/checkpoints/routes.h"

namespace chronik::admin {

namespace {

constexpr const char* kSchemas = R"({
"Problem":{"type":"object","description":"RFC 9457","properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"}}},
"Health":{"type":"object","properties":{"sessions":{"type":"integer"},"checkpoints":{"type":"integer"},"payload_bytes":{"type":"integer"},"stored_bytes":{"type":"integer"},"dead_bytes":{"type":"integer"},"damaged":{"type":"integer"},"scrubs":{"type":"integer","description":"passes of verification in the background that were finished"},"scrub_problems":{"type":"integer","description":"found by the last of them; GET /v1/scrub names them"},"scrubbed_at":{"type":"integer","description":"its end, milliseconds since 1970; 0: there was none"}}},
"Branch":{"type":"object","properties":{"sequence":{"type":"integer"},"head":{"type":"string","format":"uuid"}}},
"Session":{"type":"object","properties":{"session":{"type":"string"},"id":{"type":"string","format":"uuid"},"metadata":{"type":"object"},"created_at":{"type":"integer","description":"milliseconds since 1970"},"forked_from":{"type":"string"},"checkpoints":{"type":"integer"},"last_sequence":{"type":"integer"},"last_event":{"type":"integer"},"epoch":{"type":"integer"},"branches":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/Branch"}}}},
"SessionPage":{"type":"object","properties":{"sessions":{"type":"array","items":{"$ref":"#/components/schemas/Session"}},"next":{"type":"string","description":"empty: this was the last page"}}},
"NewSession":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"metadata":{"type":"object"}}},
"NewName":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}},
"Epoch":{"type":"object","properties":{"epoch":{"type":"integer"}}},
"Annotation":{"type":"object","properties":{"level":{"enum":["info","warning","critical"]},"text":{"type":"string"},"at":{"type":"integer"}}},
"NewAnnotation":{"type":"object","required":["text"],"properties":{"level":{"enum":["info","warning","critical"]},"text":{"type":"string"}}},
"Checkpoint":{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"sequence":{"type":"integer"},"parent":{"type":["string","null"],"format":"uuid"},"branch":{"type":"string"},"message":{"type":"string"},"trigger":{"enum":["manual","automatic","scheduled"]},"reason":{"type":"string"},"metadata":{"type":"object"},"created_at":{"type":"integer","description":"milliseconds since 1970"},"size":{"type":"integer"},"content_type":{"type":"string"},"schema_version":{"type":"integer"},"payload_hash":{"type":"string","description":"SHA-256"},"parent_hash":{"type":"string"},"hash":{"type":"string"},"idempotency_key":{"type":"string"},"writer_epoch":{"type":"integer"},"tags":{"type":"array","items":{"type":"string"}},"annotations":{"type":"array","items":{"$ref":"#/components/schemas/Annotation"}},"pinned":{"type":"boolean"}}},
"Damage":{"type":"object","properties":{"session":{"type":"string"},"sequence":{"type":"integer"},"what":{"type":"string"}}},
"CheckpointPage":{"type":"object","properties":{"checkpoints":{"type":"array","items":{"$ref":"#/components/schemas/Checkpoint"}},"damaged":{"type":"array","items":{"$ref":"#/components/schemas/Damage"}},"next":{"type":"string"}}},
"Moment":{"type":"object","properties":{"session":{"type":"string"},"checkpoint":{"$ref":"#/components/schemas/Checkpoint"}}},
"TimelinePage":{"type":"object","properties":{"moments":{"type":"array","items":{"$ref":"#/components/schemas/Moment"}},"damaged":{"type":"array","items":{"$ref":"#/components/schemas/Damage"}},"next":{"type":"string"}}},
"Change":{"type":"object","properties":{"add_tags":{"type":"array","items":{"type":"string"}},"remove_tags":{"type":"array","items":{"type":"string"}},"pinned":{"type":"boolean"}}},
"Difference":{"type":"object","properties":{"same":{"type":"boolean"},"structural":{"type":"boolean"},"patch":{"description":"RFC 6902; null unless both are JSON"},"common_prefix":{"type":"integer"},"common_suffix":{"type":"integer"},"size_first":{"type":"integer"},"size_second":{"type":"integer"}}},
"Retention":{"type":"object","properties":{"keep_last":{"type":"integer"},"keep_within_ms":{"type":"integer"},"keep_hourly":{"type":"integer"},"keep_daily":{"type":"integer"},"keep_weekly":{"type":"integer"},"keep_tagged":{"type":"array","items":{"type":"string"}},"keep_best":{"type":"array","items":{"type":"object","required":["key"],"properties":{"key":{"type":"string"},"count":{"type":"integer"},"highest":{"type":"boolean"}}}},"expire_after_ms":{"type":"integer"},"bytes_max":{"type":"integer"},"dry_run":{"type":"boolean"}}},
"PruneReport":{"type":"object","properties":{"examined":{"type":"integer"},"deleted":{"type":"integer"},"payload_bytes":{"type":"integer"},"bytes_returned":{"type":"integer"},"sequences":{"type":"array","items":{"type":"integer"}}}},
"VerifyReport":{"type":"object","properties":{"ok":{"type":"boolean"},"checkpoints":{"type":"integer"},"bytes":{"type":"integer"},"problem_count":{"type":"integer"},"problems":{"type":"array","items":{"$ref":"#/components/schemas/Damage"}}}},
"Event":{"type":"object","properties":{"number":{"type":"integer"},"kind":{"enum":["created","restored","deleted","compacted","annotated","renamed","fenced"]},"sequence":{"type":"integer"},"count":{"type":"integer"},"at":{"type":"integer"}}},
"EventPage":{"type":"object","properties":{"events":{"type":"array","items":{"$ref":"#/components/schemas/Event"}},"gap_from":{"type":"integer","description":"not 0: events gap_from to gap_to are no longer kept"},"gap_to":{"type":"integer"}}},
"ImportReport":{"type":"object","properties":{"session":{"type":"string"},"created":{"type":"integer"},"present":{"type":"integer"}}},
"Compacted":{"type":"object","properties":{"bytes_returned":{"type":"integer"}}}
})";

ordered_json parameter(const char* in, const Parameter& given) {
  ordered_json schema{{"type", given.type}};
  if (given.repeated) schema = {{"type", "array"}, {"items", std::move(schema)}};
  return {{"name", given.name}, {"in", in}, {"description", given.what}, {"schema", std::move(schema)}};
}

/// What stands in braces.
ordered_json path_parameters(std::string_view path) {
  ordered_json parameters = ordered_json::array();
  for (auto at = path.find('{'); at != std::string_view::npos; at = path.find('{', at + 1)) {
    const std::string name(path.substr(at + 1, path.find('}', at) - at - 1));
    const char* what = name == "session" ? "its name" : "id, sequence number or 'latest'";
    ordered_json one = parameter("path", {name.c_str(), "string", what});
    one["required"] = true;
    parameters.push_back(std::move(one));
  }
  return parameters;
}

ordered_json content(std::string_view name) {
  if (name == "payload") return {{"*/*", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}};
  if (name == "lines") return {{"application/jsonl", {{"schema", {{"type", "string"}}}}}};
  return {{"application/json", {{"schema", {{"$ref", "#/components/schemas/" + std::string(name)}}}}}};
}

ordered_json operation(const Route& route) {
  ordered_json parameters = path_parameters(route.path);
  for (const Parameter& one : route.query) parameters.push_back(parameter("query", one));
  ordered_json success{{"description", route.summary}};
  const std::string_view answers = route.answers;
  if (!answers.empty() && answers != "events") success["content"] = content(answers);
  ordered_json problem{{"description", "a problem"}};
  problem["content"]["application/problem+json"]["schema"]["$ref"] = "#/components/schemas/Problem";
  ordered_json operation{{"operationId", route.id}, {"summary", route.summary}, {"parameters", std::move(parameters)}};
  if (route.takes[0] != '\0') operation["requestBody"] = {{"content", content(route.takes)}};
  operation["responses"][std::to_string(route.status)] = std::move(success);
  operation["responses"]["default"] = std::move(problem);
  return operation;
}

std::string make_document() {
  ordered_json document{{"openapi", "3.1.0"},
                        {"info", {{"title", "Chronik checkpoints"}, {"version", "1"}}},
                        {"paths", ordered_json::object()}};
  for (const Route& route : routes()) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(c | 0x20);
    document["paths"][route.path][method] = operation(route);
  }
  document["components"]["schemas"] = ordered_json::parse(kSchemas);
  return document.dump(2) + "\n";
}

}  // namespace

const std::string& openapi() {
  static const std::string document = make_document();
  return document;
}

}  // namespace chronik::admin
