#include "client/connection.h"

#include <algorithm>

#include "task/io.h"
#include "wire/messages/api_versions.h"

namespace chronik::client {

namespace {
constexpr std::int32_t kFrameBytesMax = 256 << 20;
constexpr Duration kReadIdle = 1h;  // between answers; each request has its own deadline
}  // namespace

Connection::Connection(task::Context& context, env::StreamPtr stream, std::string client_id)
    : context_(context), stream_(std::move(stream)), client_id_(std::move(client_id)), sent_(context) {}

Connection::~Connection() {
  stream_->close();
}

task::Task<Result<ConnectionPtr>> Connection::open(task::Context& context, env::Address to, std::string client_id,
                                                   Deadline until) {
  CO_TRY(auto stream, co_await task::connect(context, to, until));
  ConnectionPtr connection(new Connection(context, std::move(stream), std::move(client_id)));
  context.spawn("client.reader", read_answers(connection));
  wire::ApiVersionsRequest request;
  request.client_software_name = "chronik";
  request.client_software_version = "0.1.0";
  constexpr std::int16_t kAsked = 3;
  auto answer = co_await connection->call(std::move(request), until, kAsked);
  if (!answer) {
    connection->close();
    co_return std::unexpected(std::move(answer).error());
  }
  for (const auto& api : answer->api_keys) connection->versions_[api.api_key] = {api.min_version, api.max_version};
  co_return connection;
}

Result<std::int16_t> Connection::version(wire::ApiKey key) const {
  const wire::ApiInfo* ours = wire::find_api(key);
  const auto theirs = versions_.find(key);
  if (ours && theirs != versions_.end()) {
    const std::int16_t highest = std::min(ours->max, theirs->second.second);
    if (highest >= ours->min && highest >= theirs->second.first) return highest;
  }
  return fail(Errc::unsupported, "the broker does not serve a version of " + std::string(wire::to_string(key)) +
                                     " that this client knows");
}

task::Task<Status> Connection::send(std::vector<Buffer> frame, std::int32_t correlation, Deadline until) {
  const auto self = shared_from_this();
  while ((sending_ || next_to_send_ != correlation) && !closed_) {
    if (co_await sent_.wait("client.send", until) != task::Woken::timed_out) continue;
    const Error error{Errc::timed_out, "client.send"};
    fail_all(error);
    co_return fail(error);
  }
  if (closed_) co_return fail(Errc::unreachable, "the connection has ended");
  sending_ = true;
  auto status = co_await task::write(context_, stream_, std::move(frame), until);
  sending_ = false;
  next_to_send_ = correlation + 1;
  sent_.notify_all();
  if (!status) fail_all(status.error());
  co_return status;
}

task::Task<Result<Buffer>> Connection::exchange(std::vector<Buffer> frame, wire::ApiKey key, std::int16_t version,
                                                std::int32_t correlation, Deadline until) {
  const auto self = shared_from_this();
  if (closed_) co_return fail(Errc::unreachable, "the connection has ended");
  auto pending = std::make_shared<Pending>(context_);
  pending->key = key;
  pending->version = version;
  pending->correlation = correlation;
  pending_.push_back(pending);
  CO_TRY_STATUS(co_await send(std::move(frame), correlation, until));
  while (!pending->body) {
    if (co_await pending->answered.wait("client.answer", until) == task::Woken::timed_out && !pending->body) {
      const Error error{Errc::timed_out, "no answer to " + std::string(wire::to_string(key))};
      fail_all(error);
      co_return fail(error);
    }
  }
  co_return *std::move(pending->body);
}

task::Task<Status> Connection::read_exactly(std::shared_ptr<Block> block, std::size_t length) {
  for (std::size_t have = 0; have < length;) {
    CO_TRY(const std::size_t got,
           co_await task::read_some(context_, stream_, block, have, length - have, context_.after(kReadIdle)));
    if (got == 0) co_return fail(Errc::closed, "the broker closed the connection");
    have += got;
  }
  co_return Status{};
}

task::Task<Result<Buffer>> Connection::read_frame() {
  auto head = Block::allocate(wire::kFrameLengthSize);
  CO_TRY_STATUS(co_await read_exactly(head, wire::kFrameLengthSize));
  const auto length = load_be<std::int32_t>(head->data());
  if (length < 0 || length > kFrameBytesMax) co_return fail(Errc::corrupt, "an answer of impossible length");
  auto body = Block::allocate(std::max<std::size_t>(static_cast<std::size_t>(length), 1));
  CO_TRY_STATUS(co_await read_exactly(body, static_cast<std::size_t>(length)));
  const ByteSpan bytes(body->data(), static_cast<std::size_t>(length));
  co_return Buffer(std::move(body), bytes);
}

task::Task<void> Connection::read_answers(std::shared_ptr<Connection> self) {
  for (;;) {
    auto frame = co_await self->read_frame();
    if (!frame) {
      self->fail_all(frame.error());
      co_return;
    }
    if (self->pending_.empty()) {
      self->fail_all({Errc::corrupt, "an answer that nobody asked for"});
      co_return;
    }
    const auto pending = std::move(self->pending_.front());
    self->pending_.pop_front();
    auto answer = wire::parse_response(*frame, pending->key, pending->version);
    if (!answer || answer->correlation_id != pending->correlation) {
      self->fail_all({Errc::corrupt, "an answer that does not match its request"});
      pending->body = fail(Errc::corrupt, "an answer that does not match its request");
    } else {
      pending->body = std::move(answer->body);
    }
    pending->answered.notify_all();
  }
}

void Connection::fail_all(const Error& error) {
  close();
  for (const auto& pending : std::exchange(pending_, {})) {
    pending->body = fail(Errc::unreachable, error.message());
    pending->answered.notify_all();
  }
  sent_.notify_all();
}

void Connection::close() {
  closed_ = true;
  stream_->close();
}

}  // namespace chronik::client
