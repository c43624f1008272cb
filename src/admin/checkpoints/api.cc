#include "admin/checkpoints/api.h"

#include <algorithm>

#include "checkpoint/json.h"
#include "checkpoint/text.h"

namespace chronik::admin {

using cp::Errc;
using cp::fail;
using cp::Result;

namespace {

constexpr std::size_t kMemory = 512U << 20;
constexpr std::uint64_t kJsonBytesMax = 1U << 20;
constexpr std::uint64_t kTimeoutMs = 30'000;
constexpr std::uint64_t kTimeoutMsMax = 300'000;
constexpr std::uint64_t kWaitMsMax = 60'000;
constexpr int kLengthyMax = 8;
constexpr std::size_t kTransfersMax = 3;       // one line of each may take 160 MiB while it is worked on
constexpr std::size_t kFreeBytes = 64U << 10;  // of a body: bounded by the number of connections
constexpr std::size_t kChargeBytes = 1U << 20;
constexpr Duration kOpenDeadline = std::chrono::minutes(5);

cp::Status check_query(const Route& route, const Call& call) {
  for (const auto& [name, value] : call.query) {
    const auto known = [&name](const Parameter& parameter) {
      const std::string_view pattern = parameter.name;
      if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
      return name == pattern;
    };
    if (!std::ranges::any_of(route.query, known)) {
      std::string names;
      for (const Parameter& parameter : route.query) names += (names.empty() ? "" : ", ") + std::string(parameter.name);
      return fail(Errc::invalid_argument, "no parameter '" + name + "' here, only " + names);
    }
    if (!cp::is_utf8(name) || !cp::is_utf8(value)) return fail(Errc::invalid_argument, "a parameter is not UTF-8");
  }
  return {};
}

/// Gives a place back once nobody holds it: after the work, or when the work was refused.
std::shared_ptr<void> place_in(std::shared_ptr<std::atomic<int>> counter) {
  counter->fetch_add(1);
  return {nullptr, [counter](void*) { counter->fetch_sub(1); }};
}

}  // namespace

CheckpointApi::CheckpointApi(task::Context& context, std::shared_ptr<cp::Surroundings> world, Open open)
    : context_(context),
      world_(std::move(world)),
      open_(std::move(open)),
      opened_(context),
      left_(context),
      bodies_(context, "http.bodies", kMemory),
      transfers_(context, "http.transfers", kTransfersMax),
      gate_(std::make_shared<LoopGate>(context.env().loop)) {
  show_metrics();
}

/// Of a store that was not opened yet: zeros. Metrics may outlive us.
void CheckpointApi::show_metrics() {
  const auto gauge = [this](const char* name, const char* help, double (*read)(const cp::Health&)) {
    context_.metrics().gauge(name, help, [shown = shown_, read] {
      cp::Health health;
      if (const CorePtr core = shown->lock()) core->scrubber().tell(health);
      return read(health);
    });
  };
  gauge("chronik_checkpoint_scrubs", "Finished verifications of the checkpoint store in the background",
        [](const cp::Health& health) { return static_cast<double>(health.scrubs); });
  gauge("chronik_checkpoint_scrub_problems", "What the last of them found; GET /v1/scrub names it",
        [](const cp::Health& health) { return static_cast<double>(health.scrub_problems); });
  gauge("chronik_checkpoint_scrubbed_timestamp_seconds", "When the last of them ended, since 1970; 0: there was none",
        [](const cp::Health& health) {
          return std::chrono::duration<double>(health.scrubbed_at.time_since_epoch()).count();
        });
}

/// Whether a page of somebody else asks, in whoever's browser: it names another origin, or it gave our address a name
/// of its own.
bool CheckpointApi::foreign(const HttpRequest& request) const {
  const auto scheme = request.origin.find("://");
  if (!request.origin.empty() && (scheme == std::string::npos || request.origin.substr(scheme + 3) != request.host)) {
    return true;
  }
  if (!loop_back_ || request.host.empty()) return false;
  std::string_view host = request.host;
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']')) {
    host = host.substr(0, colon);
  }
  const bool literal = host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
  return !literal && host != "localhost" && host != host_;
}

void CheckpointApi::listens_at(const env::Address& address) {
  host_ = address.host;
  loop_back_ = address.host.starts_with("127.") || address.host == "::1" || address.host == "localhost";
}

/// The request as a call of a route; a reply if it is none.
std::optional<Reply> CheckpointApi::decode(const HttpRequest& request, Call& call, const Route*& route) const {
  if (foreign(request))
    return problem(403, "forbidden",
                   "this server does not answer pages of others, nor under names that are not its own");
  call.http = request;
  std::vector<std::string> segments;
  if (const auto decoded = decode_target(request.target, segments, call.query); !decoded) {
    return problem(decoded.error());
  }
  std::string allowed;
  route = find_route(request.method, segments, call.path, allowed);
  if (route == nullptr && allowed.empty()) {
    return problem(404, "not_found", "nothing is at " + request.path + "; /openapi.json lists what is");
  }
  if (route == nullptr) {
    Reply reply = problem(405, "method_not_allowed", request.path + " takes " + allowed);
    reply.headers.emplace_back("Allow", allowed);
    return reply;
  }
  if (const auto checked = check_query(*route, call); !checked) return problem(checked.error());
  const auto timeout = call.number("timeout_ms", kTimeoutMsMax);
  if (!timeout) return problem(timeout.error());
  call.timeout = std::chrono::milliseconds(timeout->value_or(kTimeoutMs));
  return std::nullopt;
}

bool CheckpointApi::serves(const HttpRequest& request) {
  return request.path.starts_with("/v1/") || request.path == "/openapi.json";
}

task::Task<Result<CheckpointApi::CorePtr>> CheckpointApi::core(Deadline until) {
  if (!core_ && !opening_ && !closed_) {
    opening_ = true;
    context_.spawn("checkpoint.open", open_now());
  }
  while (!core_ && opening_) {
    if (co_await opened_.wait("checkpoint.open", until) == task::Woken::timed_out) {
      co_return fail(Errc::timed_out, "the store is still being opened; try again");
    }
  }
  if (closed_) co_return fail(Errc::closed, "the server is stopping");
  if (!core_) co_return fail(*open_error_);
  co_return core_;
}

/// Not with a request's deadline: others wait for it too.
task::Task<void> CheckpointApi::open_now() {
  auto opened =
      co_await offload<CorePtr>("checkpoint.open", context_.after(kOpenDeadline), [open = open_] { return open(); });
  opening_ = false;
  if (opened) {
    core_ = *opened;
    *shown_ = core_;
  } else {
    open_error_ = opened.error();
  }
  opened_.notify_all();
}

task::Task<bool> CheckpointApi::wait(const char* what, std::shared_ptr<cp::Latch> latch, Deadline until) {
  task::Operation<void> operation(context_, what, until);
  auto done = std::make_shared<env::Callback<void>>(operation.callback());
  latch->then([gate = gate_, done] { gate->post([done] { (*done)(Status()); }); });
  const auto woken = co_await operation;
  co_return woken.has_value();
}

task::Task<bool> CheckpointApi::serve(HttpConnection& connection, HttpRequest request) {
  const auto call = std::make_shared<Call>();  // and with it the room that the reply takes, until it is written
  const Route* route = nullptr;
  const bool is_head = request.method == "HEAD";
  Reply reply;
  if (request.path == "/openapi.json") {
    reply = {200, "application/json", openapi(), {}};
  } else if (auto refused = decode(request, *call, route)) {
    reply = *std::move(refused);
  } else {
    const Deadline until = context_.after(call->timeout);
    if (route->kind == Kind::stream) co_return co_await stream(connection, call);
    if (route->kind == Kind::exports) co_return co_await exports(connection, call, until);
    if (route->kind == Kind::imports) co_return co_await imports(connection, call, until);
    reply = co_await answer(connection, *route, call, until);
  }
  // A body that nobody read would be taken for the next request.
  const bool keep_alive = request.keep_alive && connection.at_end();
  const auto sent = co_await connection.reply(std::move(reply), keep_alive, !is_head);
  co_return sent.has_value() && keep_alive;
}

task::Task<cp::Status> CheckpointApi::charge(Call& call, task::Budget& budget, std::uint64_t amount, Deadline until) {
  auto room = co_await budget.take(amount, until);
  if (!room) co_return fail(Errc::overloaded, "too many bytes of other requests are being worked on; try again");
  call.charges.push_back(*std::move(room));
  co_return cp::Status();
}

task::Task<cp::Status> CheckpointApi::read_body(HttpConnection& connection, const Route& route, Call& call,
                                                Deadline until) {
  const bool is_payload = route.kind == Kind::create;
  const std::uint64_t most = is_payload ? cp::Options().payload_bytes_max : kJsonBytesMax;
  const auto too_long = [most] {
    return fail(Errc::too_large, "a body of more than " + std::to_string(most) + " bytes");
  };
  const std::uint64_t length = call.http.content_length.value_or(0);
  if (length > most) co_return too_long();
  const bool some = length > 0 || call.http.chunked;
  if (route.takes[0] == '\0' && some) co_return fail(Errc::invalid_argument, "this operation takes no body");
  if (some) {
    if (!co_await connection.allow_body(call.http, most)) co_return fail(Errc::closed, "the client is gone");
    call.body.reserve(std::min<std::uint64_t>(length, kFreeBytes));
    // Room is taken as the body comes, so that who announces much and sends nothing holds nothing. Twice: as it comes,
    // and where the store keeps it until it is on disk.
    for (std::uint64_t covered = kFreeBytes; !connection.at_end();) {
      auto part = co_await connection.read_some_body(until);
      if (!part && part.error().code == chronik::Errc::out_of_range) co_return too_long();
      if (!part) co_return fail(Errc::invalid_argument, "the body did not come whole: " + part.error().message());
      call.body += *part;
      for (; call.body.size() > covered; covered += kChargeBytes) {
        CO_TRY_STATUS(co_await charge(call, bodies_, 2 * kChargeBytes, until));
      }
    }
  }
  if (is_payload || route.takes[0] == '\0') co_return cp::Status();
  if (const auto checked = cp::check_json_object(call.body); !checked) {
    co_return fail(Errc::invalid_argument, "the body must be a JSON object: " + checked.error().detail);
  }
  call.json = ordered_json::parse(call.body, nullptr, false);
  co_return cp::Status();
}

task::Task<Reply> CheckpointApi::answer(HttpConnection& connection, const Route& route, std::shared_ptr<Call> call,
                                        Deadline until) {
  if (const auto read = co_await read_body(connection, route, *call, until); !read) co_return problem(read.error());
  auto opened = co_await core(until);
  if (!opened) co_return problem(opened.error());
  const CorePtr store = *std::move(opened);
  Result<Reply> reply;
  switch (route.kind) {
    case Kind::create:
      reply = co_await create(store, call, until);
      break;
    case Kind::payload:
      reply = co_await payload(store, call, until);
      break;
    case Kind::diff:
      reply = co_await diff(store, call, until);
      break;
    case Kind::events:
      reply = co_await events(store, call, until);
      break;
    default: {
      auto work = [store, call, run = route.run] { return run(cp::Store(store), *call); };
      if (route.kind == Kind::lengthy) {
        if (lengthy_->load() >= kLengthyMax) {
          co_return problem(503, "overloaded", "too many lengthy operations run already; try again later");
        }
        auto placed = [work = std::move(work), place = place_in(lengthy_)] { return work(); };
        reply = co_await offload<Reply>("checkpoint.lengthy", until, std::move(placed));
      } else {
        reply = co_await offload<Reply>("checkpoint.call", until, std::move(work));
      }
    }
  }
  co_return reply ? *std::move(reply) : problem(reply.error());
}

task::Task<Result<Reply>> CheckpointApi::create(const CorePtr& core, std::shared_ptr<Call> call, Deadline until) {
  // Staging works on the payload; the wait for the disk holds no thread, so that many share one sync.
  auto pending = co_await offload<cp::PendingCheckpoint>(
      "checkpoint.stage", until, [core, call]() -> Result<cp::PendingCheckpoint> {
        TRY(const cp::Session session, session_of(cp::Store(core), *call));
        TRY(const cp::CreateOptions options, create_options(*call));
        return session.create_async(call->body, options);
      });
  if (!pending) co_return fail(pending.error());
  auto settled = std::make_shared<cp::Latch>();
  pending->then([settled] { settled->set(); });
  if (!co_await wait("checkpoint.commit", settled, until)) {
    co_return fail(Errc::timed_out, "not known to be durable yet; it may still become so");
  }
  const auto checkpoint = pending->wait(Duration(0));
  if (!checkpoint) co_return fail(checkpoint.error());
  co_return created(*checkpoint, *call);
}

task::Task<Result<Reply>> CheckpointApi::payload(const CorePtr& core, std::shared_ptr<Call> call, Deadline until) {
  auto found = co_await offload<cp::Checkpoint>("checkpoint.get", until, [core, call]() -> Result<cp::Checkpoint> {
    TRY(const cp::Session session, session_of(cp::Store(core), *call));
    return checkpoint_of(session, *call, call->path[1]);
  });
  if (!found) co_return fail(found.error());
  if (found->size > kFreeBytes) CO_TRY_STATUS(co_await charge(*call, bodies_, found->size * 2, until));
  const bool told = call->http.method == "POST";
  auto content = co_await offload<std::string>("checkpoint.payload", until,
                                               [core, call, id = found->id, told]() -> Result<std::string> {
                                                 TRY(const cp::Session session, session_of(cp::Store(core), *call));
                                                 if (!told) return session.payload(id);
                                                 TRY(cp::Restored restored, session.restore(id));
                                                 return std::move(restored.payload);
                                               });
  if (!content) co_return fail(content.error());
  for (task::Charge& held : call->charges) held.shrink_to(std::min<std::size_t>(held.bytes(), content->size()));
  Reply reply{200, "application/octet-stream", *std::move(content), {}};
  // It was not checked when it came in, and must not end the line it stands in.
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (!found->content_type.empty() && std::ranges::all_of(found->content_type, printable)) {
    reply.type = found->content_type;
  }
  reply.headers.emplace_back("Chronik-Id", to_string(found->id));
  reply.headers.emplace_back("Chronik-Sequence", std::to_string(found->sequence));
  reply.headers.emplace_back("ETag", '"' + cp::to_hex(found->payload_hash) + '"');
  // Somebody's bytes, under our address: no browser shall run them.
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  reply.headers.emplace_back("Content-Security-Policy", "sandbox");
  co_return reply;
}

task::Task<Result<Reply>> CheckpointApi::diff(const CorePtr& core, std::shared_ptr<Call> call, Deadline until) {
  using Pair = std::pair<cp::Checkpoint, cp::Checkpoint>;
  auto found = co_await offload<Pair>("checkpoint.get", until, [core, call]() -> Result<Pair> {
    TRY(const cp::Session session, session_of(cp::Store(core), *call));
    TRY(cp::Checkpoint first, checkpoint_of(session, *call, call->path[1]));
    TRY(cp::Checkpoint second, checkpoint_of(session, *call, call->path[2]));
    return Pair(std::move(first), std::move(second));
  });
  if (!found) co_return fail(found.error());
  constexpr std::uint64_t kParsedTimes = 12;      // what JSON takes once it is parsed
  constexpr std::uint64_t kParsedMax = 8U << 20;  // larger ones are compared as bytes
  const std::uint64_t larger = std::max(found->first.size, found->second.size);
  const std::uint64_t both = found->first.size + found->second.size;
  if (larger > kFreeBytes)
    CO_TRY_STATUS(co_await charge(*call, bodies_, both * (larger > kParsedMax ? 2 : kParsedTimes), until));
  co_return co_await offload<Reply>("checkpoint.diff", until, [core, call, pair = *found]() -> Result<Reply> {
    TRY(const cp::Session session, session_of(cp::Store(core), *call));
    TRY(const cp::Difference difference, session.diff(pair.first.id, pair.second.id));
    return json_reply(cp::to_json(difference));
  });
}

Result<CheckpointApi::Watched> CheckpointApi::read_watched(cp::Core& core, const cp::Session& session,
                                                           std::uint64_t from, std::size_t limit) {
  auto changed = core.watch(session.id());
  TRY(cp::EventPage page, session.events(from, limit));
  return Watched{std::move(changed), std::move(page)};
}

task::Task<Result<Reply>> CheckpointApi::events(const CorePtr& core, std::shared_ptr<Call> call, Deadline until) {
  const auto wait_ms = call->number("wait_ms", kWaitMsMax);
  if (!wait_ms) co_return fail(wait_ms.error());
  const Deadline patience = std::min(until, context_.after(std::chrono::milliseconds(wait_ms->value_or(0))));
  for (;;) {
    const auto read = co_await offload<Watched>("checkpoint.events", until, [core, call]() -> Result<Watched> {
      TRY(const cp::Session session, session_of(cp::Store(core), *call));
      TRY(const auto from, call->number("from"));
      TRY(const auto limit, call->number("limit", 1000));
      return read_watched(*core, session, from.value_or(1), limit.value_or(100));
    });
    if (!read) co_return fail(read.error());
    const cp::EventPage& page = read->page;
    if (!page.events.empty() || page.gap_from != 0 || closed_) co_return json_reply(cp::to_json(page));
    // A store that is being closed wakes those who wait, and there is nothing more to read.
    const bool changed = co_await wait("checkpoint.event", read->changed, patience);
    if (!changed || closed_) co_return json_reply(cp::to_json(page));
  }
}

}  // namespace chronik::admin
