#include "admin/admin.h"

#include "admin/checkpoints/api.h"
#include "admin/exposition.h"
#include "admin/http_connection.h"

namespace chronik::admin {

namespace {

constexpr std::size_t kConnectionsMax = 256;
constexpr Duration kIdleDeadline = 30s;
constexpr Duration kAcceptDeadline = 24h * 3650;  // one accept may be in flight: its wait must not end before it
constexpr Duration kReportDeadline = 2s;

task::Task<Result<ShardReport>> report_shard(shard::Shard& shard) {
  ShardReport report;
  report.shard = shard.id().value();
  report.answered = true;
  report.samples = shard.context().metrics().snapshot();
  report.waits = shard.context().in_flight();
  report.detached = shard.context().detached();
  co_return report;
}

task::Task<Reply> answer(task::Context& context, Source& source, const HttpRequest& request) {
  Reply reply;
  const Deadline until = context.after(kReportDeadline);
  if (request.method != "GET" && request.method != "HEAD") {
    reply.status = 405;
    reply.body = "only GET is served here\n";
  } else if (request.path == "/health") {
    const Health health = co_await source.health(until);
    reply.status = health.ok() ? 200 : 503;
    reply.type = "application/json";
    reply.body = to_json(health);
  } else if (request.path == "/metrics") {
    reply.type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = to_prometheus(co_await source.report(until));
  } else if (request.path == "/debug/waits") {
    const auto reports = co_await source.report(until);
    const bool json = request.query.find("json") != std::string::npos;
    reply.body = json ? waits_json(reports) : waits_table(reports);
    if (json) reply.type = "application/json";
  } else if (request.path == "/") {
    reply.body = "chronik-server\n\n/health\n/metrics\n/debug/waits (?json)\n/v1/ (/openapi.json)\n";
  } else {
    reply.status = 404;
    reply.body = "no such page: try /health, /metrics or /debug/waits\n";
  }
  co_return reply;
}

}  // namespace

bool Health::ok() const {
  if (!serving) return false;
  for (const DirectoryHealth& directory : directories) {
    if (directory.state != "online") return false;
  }
  return true;
}

task::Task<std::vector<ShardReport>> report_shards(shard::Shard& from, Deadline until) {
  std::vector<ShardReport> reports;
  for (std::size_t i = 0; i < from.set().size(); ++i) {
    auto report = co_await shard::call(from, from.set().at(i), "admin.report", until, report_shard);
    ShardReport missing;
    missing.shard = i;
    reports.push_back(report ? *std::move(report) : std::move(missing));
  }
  co_return reports;
}

Status AdminServer::start(const env::Address& at) {
  TRY(listener_, context_.network().listen(at));
  listening_ = listener_->local();
  context_.spawn("admin.accept", accept());
  return {};
}

void AdminServer::stop() {
  stopping_ = true;
  if (listener_) listener_->close();
}

task::Task<void> AdminServer::accept() {
  while (!stopping_) {
    task::Operation<env::StreamPtr> accepting(context_, "admin.accept", context_.after(kAcceptDeadline));
    listener_->accept(context_.network(), accepting.callback());
    auto stream = co_await accepting;
    if (!stream) {
      if (stopping_ || stream.error().code == Errc::closed) co_return;
      continue;
    }
    if (connections_ >= kConnectionsMax) {
      (*stream)->close();
      continue;
    }
    ++connections_;
    context_.spawn("admin.connection", serve(*std::move(stream)));
  }
}

task::Task<void> AdminServer::serve(env::StreamPtr stream) {
  HttpConnection connection(context_, stream);
  bool open = true;
  while (open && !stopping_) {
    auto request = co_await connection.next(context_.after(kIdleDeadline));
    if (!request) {
      const Errc code = request.error().code;
      const bool too_long = code == Errc::out_of_range;
      if (code == Errc::invalid_argument || too_long) {
        Reply reply{too_long ? 431 : 400, "text/plain; charset=utf-8", "not a request we can read\n", {}};
        (void)co_await connection.reply(std::move(reply), false, true);
      }
      break;
    }
    if (api_ != nullptr && CheckpointApi::serves(*request)) {
      open = co_await api_->serve(connection, *std::move(request));
      continue;
    }
    const bool is_head = request->method == "HEAD";
    const bool keep_alive = request->keep_alive && connection.at_end();
    Reply reply = co_await answer(context_, source_, *request);
    open = (co_await connection.reply(std::move(reply), keep_alive, !is_head)).has_value() && keep_alive;
  }
  if (!connection.at_end()) co_await connection.linger();
  stream->close();
  --connections_;
}

}  // namespace chronik::admin
