// Store::connect: the sessions of a chronik-server, over HTTP (docs/http-api.md).
#include <algorithm>
#include <atomic>

#include "checkpoint/face.h"
#include "checkpoint/json.h"
#include "checkpoint/latch.h"
#include "env/real/any_thread.h"
#include "remote/http.h"
#include "remote/line.h"
#include "remote/parse.h"

namespace chronik::remote {

using cp::Checkpoint;
using cp::CheckpointId;
using cp::Duration;
using cp::Errc;
using cp::fail;
using cp::Result;
using cp::Session;
using cp::Status;

namespace {

constexpr std::uint64_t kJobBytes = 1024;
constexpr std::uint64_t kWaitMsMax = 60'000;
constexpr std::uint64_t kTimeoutMsMax = 300'000;
constexpr Duration kGrace = std::chrono::seconds(2);  // for the server to say that it was too late

std::uint64_t ms(Duration span) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(span).count(), 0));
}

/// What the handles of one server share.
struct Remote {
  Remote(std::string base, const cp::Options& given)
      : link(std::move(base)), options(given), lines(std::make_shared<Lines>(given.pending_bytes_max)) {}
  HttpLink link;
  const cp::Options options;
  const std::shared_ptr<Lines> lines;
  std::atomic<bool> closed{false};
};
using RemotePtr = std::shared_ptr<Remote>;

/// A path with its query.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}
  Target& add(std::string_view name, std::string_view value) {
    text_ += mark_;
    mark_ = '&';
    ((text_ += percent_encoded(name)) += '=') += percent_encoded(value);
    return *this;
  }
  Target& add(std::string_view name, std::uint64_t value) { return add(name, std::to_string(value)); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  char mark_ = '?';
};

Result<HttpAnswer> ask(Remote& remote, HttpCall call, std::optional<Duration> timeout = {}) {
  if (remote.closed.load()) return fail(Errc::closed, "the store was closed");
  const Duration patience = timeout.value_or(remote.options.timeout);
  const std::uint64_t limit = std::clamp<std::uint64_t>(ms(patience), 1, kTimeoutMsMax);
  call.target += (call.target.contains('?') ? "&timeout_ms=" : "?timeout_ms=") + std::to_string(limit);
  call.timeout = patience + kGrace;
  TRY(HttpAnswer answer, remote.link.call(call));
  if (answer.status < 200 || answer.status >= 300) return fail(parse_problem(answer.status, answer.body));
  return answer;
}

/// An operation that answers with JSON.
template <class Parse>
auto ask_json(Remote& remote, const char* method, std::string target, Parse parse, const ordered_json& body = {},
              std::uint64_t epoch = 0, std::optional<Duration> timeout = {}) -> decltype(parse(ordered_json())) {
  std::string text;
  try {
    if (!body.is_null()) text = body.dump();
  } catch (const ordered_json::type_error&) {
    return fail(Errc::invalid_argument, "a text is not UTF-8");
  }
  HttpCall call;
  call.method = method;
  call.target = std::move(target);
  call.body = text;
  call.has_body = !body.is_null();
  call.content_type = "application/json";
  call.epoch = epoch;
  TRY(const HttpAnswer answer, ask(remote, std::move(call), timeout));
  TRY(const ordered_json json, parse_object(answer.body));
  return parse(json);
}

Status ask_nothing(Remote& remote, const char* method, std::string target, std::uint64_t epoch = 0) {
  HttpCall call;
  call.method = method;
  call.target = std::move(target);
  call.epoch = epoch;
  TRY(const HttpAnswer answer, ask(remote, std::move(call)));
  return {};
}

/// Names may change, ids do not: sessions are asked for by id.
std::string path_of(const cp::SessionId& id) {
  return "/v1/sessions/id:" + cp::to_string(id);
}

void add_options(Target& target, const cp::CreateOptions& options) {
  const cp::CreateOptions plain;
  if (options.branch != plain.branch) target.add("branch", options.branch);
  if (!options.message.empty()) target.add("message", options.message);
  for (const std::string& tag : options.tags) target.add("tag", tag);
  if (options.trigger != plain.trigger) target.add("trigger", cp::name_of(options.trigger));
  if (!options.reason.empty()) target.add("reason", options.reason);
  if (options.metadata != plain.metadata) target.add("metadata", options.metadata);
  target.add("content_type", options.content_type);
  if (options.schema_version != 0) target.add("schema_version", options.schema_version);
  if (options.pinned) target.add("pinned", "true");
  const auto id = [](const CheckpointId& of) { return of.is_nil() ? "none" : cp::to_string(of); };
  if (options.expected_parent) target.add("expected_parent", id(*options.expected_parent));
  if (options.branch_from) target.add("branch_from", id(*options.branch_from));
  if (!options.idempotency_key.empty()) target.add("idempotency_key", options.idempotency_key);
}

Status add_query(Target& target, const cp::Query& query) {
  target.add("limit", query.limit).add("order", query.newest_first ? "newest" : "oldest");
  if (!query.cursor.empty()) target.add("cursor", query.cursor);
  if (!query.branch.empty()) target.add("branch", query.branch);
  for (const std::string& tag : query.tags) target.add("tag", tag);
  if (query.trigger) target.add("trigger", cp::name_of(*query.trigger));
  target.add("sequence_min", query.sequence_min).add("sequence_max", query.sequence_max);
  const auto since = [](cp::Time time) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
  };
  if (query.from) target.add("from", since(*query.from));
  if (query.until) target.add("until", since(*query.until));
  if (query.within) {
    if (*query.within < Duration(0)) return fail(Errc::invalid_argument, "a span of time below zero");
    target.add("within_ms", ms(*query.within));
  }
  for (const auto& [key, value] : query.metadata) target.add("metadata." + key, value);
  return {};
}

struct RemoteAppend final : cp::PendingCheckpoint::State {
  Result<Checkpoint> wait(Duration timeout) override {
    if (!done.wait_for(timeout)) return fail(Errc::timed_out, "not known to be durable yet; it may still become so");
    return *result;
  }
  bool settled() const override { return done.is_set(); }
  void then(std::function<void()> callback) override { done.then(std::move(callback)); }

  std::optional<Result<Checkpoint>> result;  // before the latch is set: the sender's
  cp::Latch done;
};

class RemoteSession final : public cp::SessionFace {
 public:
  RemoteSession(RemotePtr remote, cp::SessionId id, std::uint64_t epoch)
      : remote_(std::move(remote)), id_(id), epoch_(epoch), path_(path_of(id)) {}
  const cp::SessionId& id() const override { return id_; }
  std::uint64_t epoch() const override { return epoch_; }
  Session with_epoch(std::uint64_t epoch) const override {
    return Session(std::make_shared<RemoteSession>(remote_, id_, epoch));
  }
  Result<cp::SessionInfo> describe() const override { return ask_json(*remote_, "GET", path_, parse_session); }

  Result<Checkpoint> create(std::string_view payload, const cp::CreateOptions& options) const override;
  Result<cp::PendingCheckpoint> create_async(std::string_view payload, const cp::CreateOptions& options) const override;
  Result<Session> fence() const override {
    TRY_STATUS(in_turn());
    const auto parse = [](const ordered_json& json) -> Result<std::uint64_t> {
      const auto found = json.find("epoch");
      if (found == json.end() || !found->is_number_unsigned()) return fail(Errc::corrupt, "no epoch in the answer");
      return found->get<std::uint64_t>();
    };
    TRY(const std::uint64_t epoch, ask_json(*remote_, "POST", path_ + "/fence", parse));
    return with_epoch(epoch);
  }

  Result<Checkpoint> get(const CheckpointId& id) const override {
    return ask_json(*remote_, "GET", at(id), parse_checkpoint);
  }
  Result<Checkpoint> at_sequence(std::uint64_t sequence) const override {
    return ask_json(*remote_, "GET", path_ + "/checkpoints/" + std::to_string(sequence), parse_checkpoint);
  }
  Result<Checkpoint> latest(std::string_view branch) const override {
    Target target(path_ + "/checkpoints/latest");
    if (!branch.empty()) target.add("branch", branch);
    return ask_json(*remote_, "GET", target.take(), parse_checkpoint);
  }
  Result<Checkpoint> as_of(cp::Time time) const override {
    const auto since = static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
    return ask_json(*remote_, "GET", Target(path_ + "/checkpoints/latest").add("at_time", since).take(),
                    parse_checkpoint);
  }
  Result<Checkpoint> as_of_sequence(std::uint64_t sequence) const override {
    return ask_json(*remote_, "GET", Target(path_ + "/checkpoints/latest").add("at_sequence", sequence).take(),
                    parse_checkpoint);
  }
  Result<cp::Page> list(const cp::Query& query) const override;

  Result<std::string> payload(const CheckpointId& id) const override {
    HttpCall call;
    call.target = at(id) + "/payload";
    TRY(HttpAnswer answer, ask(*remote_, std::move(call)));
    return std::move(answer.body);
  }
  Result<cp::Restored> restore(const CheckpointId& id) const override {
    TRY(Checkpoint checkpoint, get(id));
    HttpCall call;
    call.method = "POST";
    call.target = at(id) + "/restore";
    TRY(HttpAnswer answer, ask(*remote_, std::move(call)));
    return cp::Restored{std::move(checkpoint), std::move(answer.body)};
  }
  Result<Checkpoint> rewind(const CheckpointId& id, const cp::CreateOptions& options) const override {
    TRY_STATUS(in_turn(options.timeout));
    Target target(at(id) + "/rewind");
    add_options(target, options);
    return ask_json(*remote_, "POST", target.take(), parse_checkpoint, {}, epoch_, options.timeout);
  }
  Result<Session> fork(const CheckpointId& id, std::string_view name) const override {
    TRY(const auto info, ask_json(*remote_, "POST", at(id) + "/fork", parse_session, {{"name", name}}));
    return Session(std::make_shared<RemoteSession>(remote_, info.id, 0));
  }
  Result<cp::Difference> diff(const CheckpointId& first, const CheckpointId& second) const override {
    return ask_json(*remote_, "GET", at(first) + "/diff/" + cp::to_string(second), parse_difference);
  }

  Result<Checkpoint> tag(const CheckpointId& id, const std::vector<std::string>& add,
                         const std::vector<std::string>& remove) const override {
    TRY_STATUS(in_turn());
    return ask_json(*remote_, "PATCH", at(id), parse_checkpoint, {{"add_tags", add}, {"remove_tags", remove}}, epoch_);
  }
  Result<Checkpoint> annotate(const CheckpointId& id, cp::Level level, std::string_view text) const override {
    TRY_STATUS(in_turn());
    return ask_json(*remote_, "POST", at(id) + "/annotations", parse_checkpoint,
                    {{"level", cp::name_of(level)}, {"text", text}}, epoch_);
  }
  Result<Checkpoint> pin(const CheckpointId& id, bool pinned) const override {
    TRY_STATUS(in_turn());
    return ask_json(*remote_, "PATCH", at(id), parse_checkpoint, {{"pinned", pinned}}, epoch_);
  }
  Status remove(const CheckpointId& id) const override {
    TRY_STATUS(in_turn());
    return ask_nothing(*remote_, "DELETE", at(id), epoch_);
  }
  Result<cp::PruneReport> prune(const cp::Retention& retention, bool dry_run) const override;
  Result<cp::VerifyReport> verify(const cp::VerifyProgress& progress) const override {
    TRY(cp::VerifyReport report, ask_json(*remote_, "POST", path_ + "/verify", parse_verify_report));
    if (progress) progress(report);
    return report;
  }
  Result<cp::VerifyReport> verify(const CheckpointId& id) const override {
    return ask_json(*remote_, "POST", at(id) + "/verify", parse_verify_report);
  }

  Result<cp::EventPage> events(std::uint64_t from, std::size_t limit) const override {
    return read_events(from, limit, Duration(0));
  }
  Result<cp::EventPage> wait_events(std::uint64_t from, std::size_t limit, Duration timeout) const override;
  Status export_to(const std::function<Status(std::string_view line)>& sink, std::uint64_t since) const override;

 private:
  /// A write must not overtake what its session has in line.
  Status in_turn(std::optional<Duration> timeout = {}) const {
    return remote_->lines->pass(id_, timeout.value_or(remote_->options.timeout));
  }
  Result<Checkpoint> send(std::string_view payload, const cp::CreateOptions& options) const;
  std::string at(const CheckpointId& id) const { return path_ + "/checkpoints/" + cp::to_string(id); }
  Result<cp::EventPage> read_events(std::uint64_t from, std::size_t limit, Duration wait) const;

  RemotePtr remote_;
  cp::SessionId id_;
  std::uint64_t epoch_;
  std::string path_;
};

Result<Checkpoint> RemoteSession::create(std::string_view payload, const cp::CreateOptions& options) const {
  TRY_STATUS(in_turn(options.timeout));
  return send(payload, options);
}

Result<Checkpoint> RemoteSession::send(std::string_view payload, const cp::CreateOptions& options) const {
  Target target(path_ + "/checkpoints");
  add_options(target, options);
  HttpCall call;
  call.method = "POST";
  call.target = target.take();
  call.body = payload;
  call.has_body = true;
  call.epoch = epoch_;
  TRY(const HttpAnswer answer, ask(*remote_, std::move(call), options.timeout));
  TRY(const ordered_json json, parse_object(answer.body));
  return parse_checkpoint(json);
}

Result<cp::PendingCheckpoint> RemoteSession::create_async(std::string_view payload,
                                                          const cp::CreateOptions& options) const {
  if (remote_->closed.load()) return fail(Errc::closed, "the store was closed");
  auto state = std::make_shared<RemoteAppend>();
  auto send = [self = *this, state, copy = std::string(payload), options] {
    state->result.emplace(self.send(copy, options));
    state->done.set();
  };
  TRY_STATUS(remote_->lines->add(id_, payload.size() + kJobBytes, std::move(send),
                                 options.timeout.value_or(remote_->options.timeout)));
  return cp::PendingCheckpoint(std::move(state));
}

Result<cp::Page> RemoteSession::list(const cp::Query& query) const {
  Target target(path_ + "/checkpoints");
  TRY_STATUS(add_query(target, query));
  return ask_json(*remote_, "GET", target.take(), parse_page);
}

Result<cp::PruneReport> RemoteSession::prune(const cp::Retention& rules, bool dry_run) const {
  TRY_STATUS(in_turn());
  const Duration none(0);
  if (rules.keep_within.value_or(none) < none || rules.expire_after.value_or(none) < none) {
    return fail(Errc::invalid_argument, "a span of time below zero");
  }
  ordered_json body{{"dry_run", dry_run}};
  if (rules.keep_last) body["keep_last"] = *rules.keep_last;
  if (rules.keep_within) body["keep_within_ms"] = ms(*rules.keep_within);
  if (rules.keep_hourly > 0) body["keep_hourly"] = rules.keep_hourly;
  if (rules.keep_daily > 0) body["keep_daily"] = rules.keep_daily;
  if (rules.keep_weekly > 0) body["keep_weekly"] = rules.keep_weekly;
  if (!rules.keep_tagged.empty()) body["keep_tagged"] = rules.keep_tagged;
  for (const auto& best : rules.keep_best) {
    body["keep_best"].push_back({{"key", best.key}, {"count", best.count}, {"highest", best.highest}});
  }
  if (rules.expire_after) body["expire_after_ms"] = ms(*rules.expire_after);
  if (rules.bytes_max) body["bytes_max"] = *rules.bytes_max;
  return ask_json(*remote_, "POST", path_ + "/prune", parse_prune_report, body, epoch_);
}

Result<cp::EventPage> RemoteSession::read_events(std::uint64_t from, std::size_t limit, Duration wait) const {
  Target target(path_ + "/events");
  target.add("from", from).add("limit", std::clamp<std::size_t>(limit, 1, 1000));
  if (wait > Duration(0)) target.add("wait_ms", std::min(ms(wait), kWaitMsMax));
  return ask_json(*remote_, "GET", target.take(), parse_events, {}, 0, remote_->options.timeout + wait);
}

Result<cp::EventPage> RemoteSession::wait_events(std::uint64_t from, std::size_t limit, Duration timeout) const {
  const Instant end = env::monotonic_clock_now() + timeout;
  for (;;) {
    const Duration left = end - env::monotonic_clock_now();
    TRY(cp::EventPage page, read_events(from, limit, std::max(left, Duration(0))));
    if (!page.events.empty() || page.gap_from != 0) return page;
    if (env::monotonic_clock_now() >= end) return fail(Errc::timed_out, "no event came");
  }
}

Status RemoteSession::export_to(const std::function<Status(std::string_view line)>& sink, std::uint64_t since) const {
  Status taken;
  std::string text;
  bool ended = false;
  HttpCall call;
  call.target = Target(path_ + "/export").add("since", since).take();
  call.sink = [&](std::string_view part) {
    text += part;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); taken && end != std::string::npos; end = text.find('\n', begin)) {
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      ended = line.starts_with("{\"end\":true");
      taken = sink(line);
      begin = end + 1;
    }
    text.erase(0, begin);
    return taken.has_value();
  };
  const auto answer = ask(*remote_, std::move(call));
  TRY_STATUS(taken);
  if (!answer) return fail(answer.error());
  if (!ended) return fail(Errc::timed_out, "the export was cut off");
  return {};
}

class RemoteStore final : public cp::StoreFace {
 public:
  explicit RemoteStore(RemotePtr remote) : remote_(std::move(remote)) {}
  Result<Session> create_session(std::string_view name, std::string_view metadata) const override {
    TRY(const ordered_json object, parse_metadata(metadata));
    return one("POST", "/v1/sessions", {{"name", name}, {"metadata", object}});
  }
  Result<Session> session(std::string_view name) const override {
    return one("GET", "/v1/sessions/" + percent_encoded(name));
  }
  Result<Session> session(const cp::SessionId& id) const override { return one("GET", path_of(id)); }
  Result<Session> open_session(std::string_view name) const override {
    return one("PUT", "/v1/sessions/" + percent_encoded(name));
  }
  Result<cp::SessionPage> list_sessions(std::string_view cursor, std::size_t limit) const override {
    Target target("/v1/sessions");
    if (!cursor.empty()) target.add("cursor", cursor);
    return ask_json(*remote_, "GET", target.add("limit", limit).take(), parse_session_page);
  }
  Status rename_session(std::string_view name, std::string_view to) const override {
    const auto renamed = one("PATCH", "/v1/sessions/" + percent_encoded(name), {{"name", to}});
    return renamed ? Status() : fail(renamed.error());
  }
  Status delete_session(std::string_view name) const override {
    return ask_nothing(*remote_, "DELETE", "/v1/sessions/" + percent_encoded(name));
  }
  Status rotate_key(std::string_view) const override {
    return fail(Errc::unsupported, "the key of a served store is its server's: checkpoints.key.file");
  }
  Result<cp::TimelinePage> timeline(const cp::Query& query) const override {
    Target target("/v1/timeline");
    TRY_STATUS(add_query(target, query));
    return ask_json(*remote_, "GET", target.take(), parse_timeline);
  }
  Result<cp::VerifyReport> verify(const cp::VerifyProgress& progress) const override {
    TRY(cp::VerifyReport report, ask_json(*remote_, "POST", "/v1/verify", parse_verify_report));
    if (progress) progress(report);
    return report;
  }
  Result<std::uint64_t> compact() const override {
    return ask_json(*remote_, "POST", "/v1/compact", [](const ordered_json& json) -> Result<std::uint64_t> {
      const auto found = json.find("bytes_returned");
      if (found == json.end() || !found->is_number_unsigned()) return fail(Errc::corrupt, "no bytes in the answer");
      return found->get<std::uint64_t>();
    });
  }
  Result<cp::Health> health() const override { return ask_json(*remote_, "GET", "/v1/health", parse_health); }
  Result<cp::VerifyReport> scrub_report() const override {
    return ask_json(*remote_, "GET", "/v1/scrub", parse_verify_report);
  }
  Result<cp::ImportReport> import_from(const std::function<Result<std::optional<std::string>>()>& lines) const override;
  Status close() const override {
    const bool sent = remote_->lines->drain(remote_->options.timeout);
    remote_->closed.store(true);
    if (!sent) return fail(Errc::timed_out, "not all was sent");
    return {};
  }

 private:
  static Result<ordered_json> parse_metadata(std::string_view metadata) {
    if (auto object = parse_object(std::string(metadata))) return object;
    return fail(Errc::invalid_argument, "metadata: a JSON object");
  }
  Result<Session> one(const char* method, std::string target, const ordered_json& body = {}) const {
    TRY(const cp::SessionInfo info, ask_json(*remote_, method, std::move(target), parse_session, body));
    return Session(std::make_shared<RemoteSession>(remote_, info.id, 0));
  }
  RemotePtr remote_;
};

Result<cp::ImportReport> RemoteStore::import_from(
    const std::function<Result<std::optional<std::string>>()>& lines) const {
  constexpr std::size_t kPartBytes = 256U << 10;
  std::optional<cp::Error> failure;
  bool at_end = false;
  HttpCall call;
  call.method = "POST";
  call.target = "/v1/import";
  call.content_type = "application/jsonl";
  call.source = [&]() -> std::optional<std::string> {
    std::string part;
    while (!at_end && part.size() < kPartBytes) {
      auto line = lines();
      if (!line) {
        failure = line.error();
        return std::nullopt;
      }
      at_end = !line->has_value();
      if (!at_end) (part += **line) += '\n';
    }
    return part;
  };
  const auto answer = ask(*remote_, std::move(call));
  if (failure) return fail(*failure);
  if (!answer) return fail(answer.error());
  TRY(const ordered_json json, parse_object(answer->body));
  const auto created = json.find("created");
  const auto present = json.find("present");
  if (created == json.end() || present == json.end() || !created->is_number_unsigned() ||
      !present->is_number_unsigned()) {
    return fail(Errc::corrupt, "an answer that no chronik-server gives");
  }
  return cp::ImportReport{created->get<std::uint64_t>(), present->get<std::uint64_t>()};
}

}  // namespace
}  // namespace chronik::remote

namespace chronik::checkpoint {

Result<Store> Store::connect(const std::string& url, const Options& options) {
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  if (!base.starts_with("http://") && !base.starts_with("https://")) {
    return fail(Errc::invalid_argument, "'" + url + "' is no address: http://HOST:PORT of a chronik-server's --admin");
  }
  auto remote = std::make_shared<remote::Remote>(base, options);
  Store store(std::make_shared<const remote::RemoteStore>(std::move(remote)));
  if (auto health = store.health(); !health) return fail(std::move(health).error());
  return store;
}

}  // namespace chronik::checkpoint
