// The operations of /v1/ that are one call of the store, and the table of all.
#include <algorithm>
#include <charconv>

#include "admin/checkpoints/routes.h"
#include "checkpoint/json.h"
#include "checkpoint/text.h"

namespace chronik::admin {

using cp::Errc;
using cp::fail;
using cp::Result;
using cp::to_json;

namespace {

constexpr std::size_t kStep = 20;                 // records at a time; one may have a megabyte of annotations
constexpr std::size_t kPageBytes = 4U << 20;      // about: a page ends early beyond it
constexpr std::uint64_t kSpanMsMax = 1ULL << 43;  // 278 years, which nanoseconds hold

constexpr Parameter kTimeout{"timeout_ms", "integer", "how long to wait at most; 30,000 by default, at most 300,000"};
constexpr Parameter kNoQuery[] = {kTimeout};
constexpr Parameter kSessionsQuery[] = {{"limit", "integer", "of a page, 1 to 1,000; 100 by default"},
                                        {"cursor", "string", "`next` of the page before"},
                                        kTimeout};
constexpr Parameter kCreateQuery[] = {
    {"branch", "string", "main by default"},
    {"message", "string", ""},
    {"tag", "string", "", true},
    {"trigger", "string", "manual, automatic or scheduled"},
    {"reason", "string", "of an automatic one"},
    {"metadata", "string", "a JSON object"},
    {"content_type", "string", "instead of the header Content-Type"},
    {"schema_version", "integer", ""},
    {"pinned", "boolean", "no retention policy removes it"},
    {"expected_parent", "string", "id of the branch's head, or none: the branch must not exist; else conflict"},
    {"branch_from", "string", "id of the checkpoint at which a new branch begins; the newest by default"},
    {"idempotency_key", "string", "a second call with it answers with the first one's checkpoint"},
    kTimeout};
constexpr Parameter kListQuery[] = {{"limit", "integer", "of a page, 1 to 1,000; 100 by default"},
                                    {"cursor", "string", "`next` of the page before"},
                                    {"order", "string", "newest (default) or oldest first"},
                                    {"branch", "string", ""},
                                    {"tag", "string", "all of them", true},
                                    {"trigger", "string", "manual, automatic or scheduled"},
                                    {"sequence_min", "integer", ""},
                                    {"sequence_max", "integer", ""},
                                    {"from", "integer", "created at or after, milliseconds since 1970"},
                                    {"until", "integer", "created before"},
                                    {"within_ms", "integer", "created less than this ago, by the server's clock"},
                                    {"metadata.*", "string", "JSON that the top-level key behind the dot must equal"},
                                    kTimeout};
constexpr Parameter kGetQuery[] = {{"branch", "string", "with latest: of that branch"},
                                   {"at_time", "integer", "with latest: created at or before, milliseconds since 1970"},
                                   {"at_sequence", "integer", "with latest: the newest up to that sequence"},
                                   kTimeout};
constexpr Parameter kEventsQuery[] = {{"from", "integer", "number of the first; 1 by default"},
                                      {"limit", "integer", "1 to 1,000; 100 by default"},
                                      {"wait_ms", "integer", "wait for one that long, at most 60,000"},
                                      kTimeout};
constexpr Parameter kStreamQuery[] = {{"session", "string", "its name"},
                                      {"from", "integer", "number of the first; 1 by default"}};
constexpr Parameter kExportQuery[] = {{"since", "integer", "only checkpoints above that sequence"}, kTimeout};

/// "id:UUID" in a path names a session by its id: a name may change hands.
std::optional<cp::SessionId> id_of(std::string_view which) {
  constexpr std::string_view kId = "id:";
  if (!which.starts_with(kId)) return std::nullopt;
  const auto id = cp::parse_session_id(which.substr(kId.size()));
  return id ? std::optional(*id) : std::nullopt;
}

Result<std::string> name_of_session(const cp::Store& store, const std::string& which) {
  const auto id = id_of(which);
  if (!id) return which;
  TRY(const cp::Session session, store.session(*id));
  TRY(const cp::SessionInfo info, session.describe());
  return info.name;
}

Result<Reply> health(const cp::Store& store, const Call&) {
  TRY(const cp::Health found, store.health());
  return json_reply(to_json(found));
}

Result<std::size_t> limit_of(const Call& call) {
  TRY(const auto limit, call.number("limit", 1000));
  if (limit == 0) return fail(Errc::invalid_argument, "limit: 1 to 1,000");
  return static_cast<std::size_t>(limit.value_or(100));
}

Result<Reply> list_sessions(const cp::Store& store, const Call& call) {
  TRY(const std::size_t limit, limit_of(call));
  ordered_json sessions = ordered_json::array();
  std::string cursor = call.text("cursor");
  std::size_t bytes = 0;
  do {
    TRY(const cp::SessionPage page, store.list_sessions(cursor, std::min(limit - sessions.size(), kStep)));
    cursor = page.next;
    for (const cp::SessionInfo& info : page.sessions) {
      bytes += 256 + info.metadata.size() + info.branches.size() * 128;
      sessions.push_back(to_json(info));
    }
  } while (!cursor.empty() && sessions.size() < limit && bytes < kPageBytes);
  return json_reply({{"sessions", std::move(sessions)}, {"next", cursor}});
}

Result<Reply> describe(const cp::Session& session, int status) {
  TRY(const cp::SessionInfo info, session.describe());
  Reply reply = json_reply(to_json(info), status);
  return reply;
}

Result<Reply> create_session(const cp::Store& store, const Call& call) {
  Members members(call.json);
  const auto name = members.text("name");
  const auto metadata = members.json("metadata");
  TRY_STATUS(members.finish());
  if (!name) return fail(Errc::invalid_argument, "name: a session needs one");
  TRY(const cp::Session session, store.create_session(*name, metadata.value_or("{}")));
  return describe(session, 201);
}

Result<Reply> open_session(const cp::Store& store, const Call& call) {
  const std::string& which = call.path[0];
  if (const auto id = id_of(which)) {
    TRY(const cp::Session session, store.session(*id));
    return describe(session, 200);
  }
  TRY(const cp::Session session, store.open_session(which));
  return describe(session, 200);
}

Result<Reply> get_session(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  return describe(session, 200);
}

Result<Reply> rename_session(const cp::Store& store, const Call& call) {
  Members members(call.json);
  const auto name = members.text("name");
  TRY_STATUS(members.finish());
  if (!name) return fail(Errc::invalid_argument, "name: the new one");
  TRY(const std::string old, name_of_session(store, call.path[0]));
  TRY_STATUS(store.rename_session(old, *name));
  TRY(const cp::Session session, store.session(*name));
  return describe(session, 200);
}

Result<Reply> delete_session(const cp::Store& store, const Call& call) {
  TRY(const std::string name, name_of_session(store, call.path[0]));
  TRY_STATUS(store.delete_session(name));
  return Reply{204, "", "", {}};
}

Result<Reply> fence(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::Session fenced, session.fence());
  return json_reply({{"epoch", fenced.epoch()}});
}

Result<cp::Query> query_of(const Call& call) {
  cp::Query query;
  TRY(query.limit, limit_of(call));
  query.cursor = call.text("cursor");
  query.branch = call.text("branch");
  query.tags = call.all("tag");
  const std::string order = call.text("order", "newest");
  if (order != "newest" && order != "oldest") return fail(Errc::invalid_argument, "order: newest or oldest");
  query.newest_first = order == "newest";
  if (const std::string* trigger = call.find("trigger")) {
    query.trigger = cp::parse_trigger(*trigger);
    if (!query.trigger) return fail(Errc::invalid_argument, "trigger: manual, automatic or scheduled");
  }
  TRY(const auto low, call.number("sequence_min"));
  TRY(const auto high, call.number("sequence_max"));
  TRY(const auto from, call.number("from", kSpanMsMax));
  TRY(const auto until, call.number("until", kSpanMsMax));
  TRY(const auto within, call.number("within_ms", kSpanMsMax));
  if (within) query.within = std::chrono::milliseconds(*within);
  query.sequence_min = low.value_or(0);
  query.sequence_max = high.value_or(UINT64_MAX);
  if (from) query.from = cp::Time(std::chrono::milliseconds(*from));
  if (until) query.until = cp::Time(std::chrono::milliseconds(*until));
  constexpr std::string_view kPrefix = "metadata.";
  for (const auto& [name, value] : call.query) {
    if (name.starts_with(kPrefix)) query.metadata.emplace_back(name.substr(kPrefix.size()), value);
  }
  return query;
}

Result<Reply> list_checkpoints(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(cp::Query query, query_of(call));
  const std::size_t limit = query.limit;
  ordered_json checkpoints = ordered_json::array();
  ordered_json damaged = ordered_json::array();
  std::size_t bytes = 0;
  do {
    query.limit = std::min(limit - checkpoints.size() - damaged.size(), kStep);
    TRY(const cp::Page page, session.list(query));
    query.cursor = page.next;
    for (const cp::Checkpoint& c : page.checkpoints) {
      checkpoints.push_back(to_json(c));
      bytes += 1024 + c.metadata.size() + c.annotations.size() * 512;
    }
    for (const cp::Problem& one : page.damaged) damaged.push_back(to_json(one));
  } while (!query.cursor.empty() && checkpoints.size() + damaged.size() < limit && bytes < kPageBytes);
  return json_reply({{"checkpoints", std::move(checkpoints)}, {"damaged", std::move(damaged)}, {"next", query.cursor}});
}

/// The store ends a page of large records early.
Result<Reply> timeline(const cp::Store& store, const Call& call) {
  TRY(const cp::Query query, query_of(call));
  TRY(const cp::TimelinePage page, store.timeline(query));
  ordered_json moments = ordered_json::array();
  ordered_json damaged = ordered_json::array();
  for (const cp::Moment& one : page.moments) moments.push_back(to_json(one));
  for (const cp::Problem& one : page.damaged) damaged.push_back(to_json(one));
  return json_reply({{"moments", std::move(moments)}, {"damaged", std::move(damaged)}, {"next", page.next}});
}

Result<Reply> get_checkpoint(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::Checkpoint checkpoint, checkpoint_of(session, call, call.path[1]));
  return json_reply(to_json(checkpoint));
}

Result<Reply> rewind(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::Checkpoint old, checkpoint_of(session, call, call.path[1]));
  TRY(const cp::CreateOptions options, create_options(call));
  TRY(const cp::Checkpoint checkpoint, session.rewind(old.id, options));
  return created(checkpoint, call);
}

Result<Reply> fork(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::Checkpoint old, checkpoint_of(session, call, call.path[1]));
  Members members(call.json);
  const auto name = members.text("name");
  TRY_STATUS(members.finish());
  if (!name) return fail(Errc::invalid_argument, "name: of the new session");
  TRY(const cp::Session forked, session.fork(old.id, *name));
  return describe(forked, 201);
}

Result<Reply> change(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(cp::Checkpoint checkpoint, checkpoint_of(session, call, call.path[1]));
  Members members(call.json);
  const auto add = members.texts("add_tags");
  const auto remove = members.texts("remove_tags");
  const auto pinned = members.flag("pinned");
  TRY_STATUS(members.finish());
  if (!add.empty() || !remove.empty()) {
    TRY(checkpoint, session.tag(checkpoint.id, add, remove));
  }
  if (pinned) {
    TRY(checkpoint, session.pin(checkpoint.id, *pinned));
  }
  return json_reply(to_json(checkpoint));
}

Result<Reply> annotate(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::Checkpoint old, checkpoint_of(session, call, call.path[1]));
  Members members(call.json);
  const auto level = cp::parse_level(members.text("level").value_or("info"));
  const auto text = members.text("text");
  TRY_STATUS(members.finish());
  if (!level) return fail(Errc::invalid_argument, "level: info, warning or critical");
  if (!text) return fail(Errc::invalid_argument, "text: what to note");
  TRY(const cp::Checkpoint checkpoint, session.annotate(old.id, *level, *text));
  return json_reply(to_json(checkpoint));
}

Result<Reply> delete_checkpoint(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::Checkpoint checkpoint, checkpoint_of(session, call, call.path[1]));
  TRY_STATUS(session.remove(checkpoint.id));
  return Reply{204, "", "", {}};
}

Result<Reply> verify_checkpoint(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::Checkpoint checkpoint, checkpoint_of(session, call, call.path[1]));
  TRY(const cp::VerifyReport report, session.verify(checkpoint.id));
  return json_reply(to_json(report));
}

Result<Reply> verify_session(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  TRY(const cp::VerifyReport report, session.verify());
  return json_reply(to_json(report));
}

Result<Reply> verify_store(const cp::Store& store, const Call&) {
  TRY(const cp::VerifyReport report, store.verify());
  return json_reply(to_json(report));
}

Result<Reply> scrub_report(const cp::Store& store, const Call&) {
  TRY(const cp::VerifyReport report, store.scrub_report());
  return json_reply(to_json(report));
}

Result<cp::Retention::Best> best_of(const ordered_json& json) {
  if (!json.is_object()) return fail(Errc::invalid_argument, "keep_best: a list of objects");
  Members members(json);
  cp::Retention::Best best;
  best.key = members.text("key").value_or("");
  best.count = members.number("count").value_or(1);
  best.highest = members.flag("highest").value_or(true);
  TRY_STATUS(members.finish());
  if (best.key.empty()) return fail(Errc::invalid_argument, "keep_best: key: a top-level number of the metadata");
  return best;
}

Result<Reply> prune(const cp::Store& store, const Call& call) {
  TRY(const cp::Session session, session_of(store, call));
  Members members(call.json);
  cp::Retention retention;
  const auto span = [&](const char* name) -> Result<std::optional<Duration>> {
    const auto value = members.number(name);
    if (!value) return std::nullopt;
    if (*value > kSpanMsMax) return fail(Errc::invalid_argument, std::string(name) + ": too long");
    return std::chrono::milliseconds(*value);
  };
  const auto periods = [&](const char* name) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(members.number(name).value_or(0), UINT32_MAX));
  };
  retention.keep_last = members.number("keep_last");
  TRY(retention.keep_within, span("keep_within_ms"));
  retention.keep_hourly = periods("keep_hourly");
  retention.keep_daily = periods("keep_daily");
  retention.keep_weekly = periods("keep_weekly");
  retention.keep_tagged = members.texts("keep_tagged");
  if (const ordered_json* bests = members.array("keep_best")) {
    for (const ordered_json& one : *bests) {
      TRY(cp::Retention::Best best, best_of(one));
      retention.keep_best.push_back(std::move(best));
    }
  }
  TRY(retention.expire_after, span("expire_after_ms"));
  retention.bytes_max = members.number("bytes_max");
  const bool dry_run = members.flag("dry_run").value_or(false);
  TRY_STATUS(members.finish());
  TRY(const cp::PruneReport report, session.prune(retention, dry_run));
  return json_reply(to_json(report));
}

Result<Reply> compact(const cp::Store& store, const Call&) {
  TRY(const std::uint64_t bytes, store.compact());
  return json_reply({{"bytes_returned", bytes}});
}

constexpr Route kRoutes[] = {
    {"GET", "/v1/health", "health", "What is stored, and in which condition", Kind::simple, kNoQuery, "", 200, "Health",
     health},
    {"GET", "/v1/sessions", "listSessions", "Sessions by name", Kind::simple, kSessionsQuery, "", 200, "SessionPage",
     list_sessions},
    {"POST", "/v1/sessions", "createSession", "A new session", Kind::simple, kNoQuery, "NewSession", 201, "Session",
     create_session},
    {"PUT", "/v1/sessions/{session}", "openSession", "A session, created if there is none", Kind::simple, kNoQuery, "",
     200, "Session", open_session},
    {"GET", "/v1/sessions/{session}", "getSession", "One session", Kind::simple, kNoQuery, "", 200, "Session",
     get_session},
    {"PATCH", "/v1/sessions/{session}", "renameSession", "Gives it another name", Kind::simple, kNoQuery, "NewName",
     200, "Session", rename_session},
    {"DELETE", "/v1/sessions/{session}", "deleteSession", "Removes it with all its checkpoints", Kind::simple, kNoQuery,
     "", 204, "", delete_session},
    {"POST", "/v1/sessions/{session}/fence", "fence", "A new writer, which shuts out the old ones", Kind::simple,
     kNoQuery, "", 200, "Epoch", fence},
    {"POST", "/v1/sessions/{session}/prune", "prune", "Removes what a retention does not keep", Kind::lengthy, kNoQuery,
     "Retention", 200, "PruneReport", prune},
    {"POST", "/v1/sessions/{session}/verify", "verifySession", "Checks every hash of a session", Kind::lengthy,
     kNoQuery, "", 200, "VerifyReport", verify_session},
    {"GET", "/v1/sessions/{session}/events", "events", "What happened, from a number on", Kind::events, kEventsQuery,
     "", 200, "EventPage", nullptr},
    {"GET", "/v1/sessions/{session}/export", "export", "A session as JSON Lines", Kind::exports, kExportQuery, "", 200,
     "lines", nullptr},
    {"GET", "/v1/sessions/{session}/checkpoints", "listCheckpoints", "Checkpoints without their payloads", Kind::simple,
     kListQuery, "", 200, "CheckpointPage", list_checkpoints},
    {"POST", "/v1/sessions/{session}/checkpoints", "createCheckpoint", "A durable checkpoint of the body", Kind::create,
     kCreateQuery, "payload", 201, "Checkpoint", nullptr},
    {"GET", "/v1/sessions/{session}/checkpoints/{ref}", "getCheckpoint", "One checkpoint, without its payload",
     Kind::simple, kGetQuery, "", 200, "Checkpoint", get_checkpoint},
    {"PATCH", "/v1/sessions/{session}/checkpoints/{ref}", "changeCheckpoint", "Tags and pins", Kind::simple, kNoQuery,
     "Change", 200, "Checkpoint", change},
    {"DELETE", "/v1/sessions/{session}/checkpoints/{ref}", "deleteCheckpoint", "Removes it, unless it is pinned",
     Kind::simple, kNoQuery, "", 204, "", delete_checkpoint},
    {"GET", "/v1/sessions/{session}/checkpoints/{ref}/payload", "getPayload", "The payload, verified", Kind::payload,
     kGetQuery, "", 200, "payload", nullptr},
    {"POST", "/v1/sessions/{session}/checkpoints/{ref}/restore", "restore", "The payload, verified, with an event",
     Kind::payload, kGetQuery, "", 200, "payload", nullptr},
    {"POST", "/v1/sessions/{session}/checkpoints/{ref}/rewind", "rewind", "A new checkpoint with this one's content",
     Kind::simple, kCreateQuery, "", 201, "Checkpoint", rewind},
    {"POST", "/v1/sessions/{session}/checkpoints/{ref}/fork", "fork", "A new session that begins with this content",
     Kind::simple, kNoQuery, "NewName", 201, "Session", fork},
    {"POST", "/v1/sessions/{session}/checkpoints/{ref}/annotations", "annotate", "Adds a note", Kind::simple, kNoQuery,
     "NewAnnotation", 200, "Checkpoint", annotate},
    {"POST", "/v1/sessions/{session}/checkpoints/{ref}/verify", "verifyCheckpoint", "Checks its hashes", Kind::simple,
     kNoQuery, "", 200, "VerifyReport", verify_checkpoint},
    {"GET", "/v1/sessions/{session}/checkpoints/{ref}/diff/{other}", "diff", "What separates two checkpoints",
     Kind::diff, kNoQuery, "", 200, "Difference", nullptr},
    {"GET", "/v1/timeline", "timeline", "Checkpoints of all sessions in the order of their creation", Kind::simple,
     kListQuery, "", 200, "TimelinePage", timeline},
    {"GET", "/v1/events", "followEvents", "WebSocket: one text message per event", Kind::stream, kStreamQuery, "", 101,
     "events", nullptr},
    {"POST", "/v1/import", "import", "Takes in what an export wrote: all or nothing", Kind::imports, kNoQuery, "lines",
     200, "ImportReport", nullptr},
    {"POST", "/v1/verify", "verifyStore", "Checks everything", Kind::lengthy, kNoQuery, "", 200, "VerifyReport",
     verify_store},
    {"GET", "/v1/scrub", "scrubReport", "What the last verification in the background found, 100 problems at most",
     Kind::simple, kNoQuery, "", 200, "VerifyReport", scrub_report},
    {"POST", "/v1/compact", "compact", "Gives back what deleted checkpoints took", Kind::lengthy, kNoQuery, "", 200,
     "Compacted", compact},
};

/// Whether the segments fit the pattern; the values of its {…}.
bool fits(std::string_view pattern, const std::vector<std::string>& segments, std::vector<std::string>& values) {
  values.clear();
  for (const std::string& segment : segments) {
    if (pattern.empty()) return false;
    pattern.remove_prefix(1);
    const std::string_view part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (part.starts_with('{')) {
      if (segment.empty()) return false;
      values.push_back(segment);
    } else if (part != segment) {
      return false;
    }
  }
  return pattern.empty();
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

const Route* find_route(std::string_view method, const std::vector<std::string>& segments,
                        std::vector<std::string>& values, std::string& allowed) {
  for (const Route& route : kRoutes) {
    if (!fits(route.path, segments, values)) continue;
    const bool as_head = method == "HEAD" && std::string_view(route.method) == "GET" &&
                         (route.kind == Kind::simple || route.kind == Kind::payload);
    if (method == route.method || as_head) return &route;
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return nullptr;
}

Result<cp::Session> session_of(const cp::Store& store, const Call& call) {
  const auto id = id_of(call.path[0]);
  TRY(cp::Session session, id ? store.session(*id) : store.session(call.path[0]));
  const std::string& text = call.http.epoch;
  if (text.empty()) return session;
  std::uint64_t epoch = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return fail(Errc::invalid_argument, "Chronik-Epoch: the number that fence gave");
  }
  return session.with_epoch(epoch);
}

Result<cp::Checkpoint> checkpoint_of(const cp::Session& session, const Call& call, const std::string& ref) {
  if (ref == "latest") {
    TRY(const auto time, call.number("at_time", kSpanMsMax));
    TRY(const auto sequence, call.number("at_sequence"));
    if (time) return session.as_of(cp::Time(std::chrono::milliseconds(*time)));
    if (sequence) return session.as_of_sequence(*sequence);
    return session.latest(call.text("branch"));
  }
  std::uint64_t sequence = 0;
  const auto parsed = std::from_chars(ref.data(), ref.data() + ref.size(), sequence);
  if (parsed.ec == std::errc() && parsed.ptr == ref.data() + ref.size()) return session.at_sequence(sequence);
  const auto id = cp::parse_checkpoint_id(ref);
  if (!id) return fail(Errc::invalid_argument, "'" + ref + "' is no id, no sequence number and not 'latest'");
  return session.get(*id);
}

Result<cp::CreateOptions> create_options(const Call& call) {
  cp::CreateOptions options;
  options.branch = call.text("branch", "main");
  options.message = call.text("message");
  options.tags = call.all("tag");
  const auto trigger = cp::parse_trigger(call.text("trigger", "manual"));
  if (!trigger) return fail(Errc::invalid_argument, "trigger: manual, automatic or scheduled");
  options.trigger = *trigger;
  options.reason = call.text("reason");
  options.metadata = call.text("metadata", "{}");
  if (!call.http.content_type.empty()) options.content_type = call.http.content_type;
  options.content_type = call.text("content_type", options.content_type);
  TRY(const auto schema, call.number("schema_version", UINT32_MAX));
  options.schema_version = static_cast<std::uint32_t>(schema.value_or(0));
  TRY(const auto pinned, call.flag("pinned"));
  options.pinned = pinned.value_or(false);
  TRY(options.expected_parent, call.id("expected_parent"));
  TRY(options.branch_from, call.id("branch_from"));
  options.idempotency_key = call.text("idempotency_key");
  options.timeout = call.timeout;
  return options;
}

Reply created(const cp::Checkpoint& checkpoint, const Call& call) {
  Reply reply = json_reply(to_json(checkpoint), 201);
  const std::string& target = call.http.path;
  const auto at = target.find('/', std::string_view("/v1/sessions/").size());
  reply.headers.emplace_back("Location", target.substr(0, at) + "/checkpoints/" + to_string(checkpoint.id));
  return reply;
}

}  // namespace chronik::admin
