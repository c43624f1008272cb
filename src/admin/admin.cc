#include "admin/admin.h"

#include <cstring>

#include "admin/exposition.h"
#include "admin/http_request.h"
#include "task/io.h"

namespace chronik::admin {

namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr std::size_t kReceiveBytes = 4096;
constexpr Duration kIdleDeadline = 30s;
constexpr Duration kAcceptDeadline = 24h * 3650;  // one accept may be in flight: its wait must not end before it
constexpr Duration kWriteDeadline = 10s;
constexpr Duration kReportDeadline = 2s;

struct Reply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

Buffer encode(const Reply& reply, bool keep_alive, bool with_body) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason(reply.status) +
                     "\r\nContent-Type: " + reply.type + "\r\nContent-Length: " + std::to_string(reply.body.size()) +
                     "\r\nConnection: " + (keep_alive ? "keep-alive" : "close") + "\r\n\r\n";
  if (with_body) text += reply.body;
  return Buffer::copy_of(as_bytes(text));
}

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
    reply.body = "chronik-server\n\n/health\n/metrics\n/debug/waits (?json)\n";
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
  auto block = Block::allocate(kReceiveBytes);
  bool open = true;
  while (open && !stopping_) {
    HttpParser parser;
    std::size_t have = 0;
    bool malformed = false;
    while (!parser.complete() && !malformed && have < kReceiveBytes) {
      const auto got =
          co_await task::read_some(context_, stream, block, have, kReceiveBytes - have, context_.after(kIdleDeadline));
      if (!got || *got == 0) {
        open = false;
        break;
      }
      have += *got;
      const auto used = parser.feed(ByteSpan(block->data(), have));
      malformed = !used;
      if (used) {
        std::memmove(block->data(), block->data() + *used, have - *used);
        have -= *used;
      }
    }
    if (!open) break;
    const bool complete = parser.complete() && !malformed;
    const HttpRequest request = complete ? parser.request() : HttpRequest{"GET", "", "", false};
    const Reply reply = complete ? co_await answer(context_, source_, request)
                                 : Reply{400, "text/plain", "not a request we can read\n"};
    std::vector<Buffer> pieces;
    pieces.push_back(encode(reply, request.keep_alive, request.method != "HEAD"));
    const auto sent = co_await task::write(context_, stream, std::move(pieces), context_.after(kWriteDeadline));
    open = sent.has_value() && request.keep_alive;
  }
  stream->close();
  --connections_;
}

}  // namespace chronik::admin
