// GET /v1/events as a WebSocket: one text message per event; who reads slowly is told of the gap, not kept in memory.
#include "admin/checkpoints/api.h"
#include "admin/checkpoints/websocket.h"
#include "checkpoint/json.h"

namespace chronik::admin {

using cp::Errc;
using cp::fail;
using cp::Result;

namespace {

constexpr Duration kPingEvery = std::chrono::seconds(20);
constexpr Duration kSilence = std::chrono::seconds(60);  // pings are answered sooner than that
constexpr Duration kWriteDeadline = std::chrono::seconds(30);
constexpr std::size_t kReceiveBytes = 4096;
constexpr std::size_t kEventsAtOnce = 100;
constexpr std::size_t kQueuedBytesMax = 256U << 10;  // of pongs, to a client that asks and does not read
constexpr std::size_t kFollowersMax = 128;           // half of the connections stay for others
constexpr std::uint16_t kGoingAway = 1001;
constexpr std::uint16_t kInternalError = 1011;

}  // namespace

/// What the reading and the writing side have in common.
struct CheckpointApi::Follower {
  Follower(task::Context& context, env::StreamPtr to) : stream(std::move(to)), moved(context) {}
  env::StreamPtr stream;
  WebSocket socket;
  task::Event moved;  // an event may have come, a pong is in line, or it is over
  bool over = false;
};

namespace {

using FollowerPtr = std::shared_ptr<CheckpointApi::Follower>;

task::Task<void> read_side(task::Context& context, FollowerPtr follower) {
  const auto block = Block::allocate(kReceiveBytes);
  while (!follower->over) {
    const auto got =
        co_await task::read_some(context, follower->stream, block, 0, kReceiveBytes, context.after(kSilence));
    if (!got || *got == 0 || !follower->socket.feed({reinterpret_cast<const char*>(block->data()), *got}) ||
        follower->socket.queued_bytes() > kQueuedBytesMax) {
      follower->over = true;
    }
    follower->moved.notify_all();
  }
}

task::Task<Status> flush(task::Context& context, FollowerPtr follower) {
  auto text = std::make_shared<const std::string>(follower->socket.take_output());
  if (text->empty()) co_return Status();
  std::vector<Buffer> pieces;
  pieces.emplace_back(text, as_bytes(*text));
  co_return co_await task::write(context, follower->stream, std::move(pieces), context.after(kWriteDeadline));
}

Result<CheckpointApi::Watched> read_events(const CheckpointApi::CorePtr& core, const Call& call, std::uint64_t from) {
  const std::string* name = call.find("session");
  if (name == nullptr) return fail(Errc::invalid_argument, "session: whose events");
  TRY(const cp::Session session, cp::Store(core).session(*name));
  return CheckpointApi::read_watched(*core, session, from, kEventsAtOnce);
}

/// Puts a page in line. The number of the next event.
std::uint64_t put(WebSocket& socket, const cp::EventPage& page, std::uint64_t from) {
  if (page.gap_from != 0) {
    socket.send_text(cp::to_text({{"gap_from", page.gap_from}, {"gap_to", page.gap_to}}));
    from = page.gap_to + 1;
  }
  for (const cp::Event& event : page.events) {
    socket.send_text(cp::to_text(cp::to_json(event)));
    from = event.number + 1;
  }
  return from;
}

}  // namespace

task::Task<bool> CheckpointApi::stream(HttpConnection& connection, std::shared_ptr<Call> shared) {
  const Deadline until = context_.after(shared->timeout);
  auto opened = co_await core(until);
  const auto from_given = shared->number("from");
  std::optional<Reply> refused;
  if (!opened) refused = problem(opened.error());
  if (!from_given) refused = problem(from_given.error());
  if (!refused) {
    const auto read = [core = *opened, shared] { return read_events(core, *shared, 1); };
    const auto there = co_await offload<Watched>("checkpoint.events", until, read);
    if (!there) refused = problem(there.error());
  }
  if (!refused && followers_.size() >= kFollowersMax) {
    refused = problem(503, "overloaded", "too many follow events already; try again later");
  }
  if (!refused && !connection.at_end()) refused = problem(400, "invalid_argument", "a WebSocket begins without a body");
  if (!refused && shared->http.websocket_key.empty()) {
    refused = problem(426, "upgrade_required", "this is a WebSocket; /v1/sessions/{session}/events answers plain HTTP");
    refused->headers.emplace_back("Upgrade", "websocket");
  }
  if (refused) {
    co_return (co_await connection.reply(*std::move(refused), false, true)).has_value() && false;
  }
  if (!co_await connection.upgrade("websocket",
                                   {{"Sec-WebSocket-Accept", websocket_accept(shared->http.websocket_key)}})) {
    co_return false;
  }
  const auto follower = std::make_shared<Follower>(context_, connection.stream());
  if (!follower->socket.feed(connection.take_rest())) {
    (void)co_await flush(context_, follower);  // the answer to a close that came at once
    co_return false;
  }
  context_.spawn("checkpoint.follower", read_side(context_, follower));
  followers_.push_back(follower.get());
  co_await follow(*opened, shared, from_given->value_or(1), follower);
  std::erase(followers_, follower.get());
  left_.notify_all();
  co_return false;
}

task::Task<void> CheckpointApi::close(Deadline until) {
  closed_ = true;
  for (Follower* follower : followers_) follower->moved.notify_all();
  while (!followers_.empty()) {
    if (co_await left_.wait("checkpoint.followers", until) == task::Woken::timed_out) break;
  }
  if (!core_) co_return;
  const auto closing = [core = std::exchange(core_, nullptr)]() -> cp::Status { return cp::Store(core).close(); };
  (void)co_await offload<void>("checkpoint.close", until, closing);
}

task::Task<void> CheckpointApi::follow(CorePtr core, std::shared_ptr<Call> call, std::uint64_t from,
                                       std::shared_ptr<Follower> follower) {
  std::uint64_t next = std::max<std::uint64_t>(from, 1);
  while (!follower->over && !closed_) {
    const auto reading = [core, call, next] { return read_events(core, *call, next); };
    const auto read = co_await offload<Watched>("checkpoint.events", context_.after(call->timeout), reading);
    if (!read) {
      follower->socket.send_close(kInternalError, read.error().message());
      break;
    }
    const std::uint64_t before = std::exchange(next, put(follower->socket, read->page, next));
    if (!co_await flush(context_, follower)) co_return;
    if (next != before) continue;
    // It keeps no memory of what happened while this was at work.
    if (follower->over || closed_ || follower->socket.wants_to_send()) continue;
    if (follower->socket.queued_bytes() > 0) break;  // it has said good-bye: nothing will be sent any more
    read->changed->then([gate = gate_, weak = std::weak_ptr(follower)] {
      gate->post([weak] {
        if (const auto still = weak.lock()) still->moved.notify_all();
      });
    });
    const auto woken = co_await follower->moved.wait("checkpoint.follow", context_.after(kPingEvery));
    if (woken == task::Woken::timed_out) follower->socket.send_ping();
  }
  if (closed_) follower->socket.send_close(kGoingAway, "the server is stopping");
  follower->over = true;
  (void)co_await flush(context_, follower);
}

}  // namespace chronik::admin
