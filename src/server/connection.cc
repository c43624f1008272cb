#include "server/connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>

#include "server/broker.h"
#include "task/io.h"
#include "wire/header.h"

namespace chronik::server {

namespace {
constexpr std::size_t kPipelineMax = 256;
constexpr std::size_t kReadMin = 4U << 10;
constexpr std::size_t kReadMax = 256U << 10;
constexpr std::size_t kWriteBatchMax = 1U << 20;
constexpr std::size_t kUnsentMax = 1U << 20;  // answers that the peer has not taken, before it may ask for more
constexpr Duration kFrameDeadline = 30s;      // from the first byte of a frame to its last
constexpr Duration kWriteDeadline = 30s;      // for the peer to take what it asked for
constexpr Duration kMemoryDeadline = 30s;     // back-pressure before the connection is given up
constexpr Duration kAnswerDeadline = 10min;   // how often a wait for a handler, which has its own deadline, looks again
}  // namespace

Connection::Connection(ShardServer& server, env::StreamPtr stream, std::uint64_t id)
    : server_(server),
      context_(server.context()),
      stream_(std::move(stream)),
      id_(id),
      host_(stream_->peer().host),
      changed_(context_),
      next_capacity_(kReadMin) {}

Connection::~Connection() = default;

void Connection::close() {
  stream_->close();
}

void Connection::stop_reading() {
  stopping_ = true;
  changed_.notify_all();  // the writer closes the stream once nothing is in flight, which ends the reader's wait
}

/// Guarantees room for `need` bytes from begin_. Slices of the old block may live on in requests, so bytes move only to
/// fresh memory.
void Connection::make_room(std::size_t need) {
  if (block_ && begin_ + need <= block_->capacity()) return;
  auto bigger = Block::allocate(std::max(need, next_capacity_));
  const std::size_t have = end_ - begin_;
  if (have > 0) std::memcpy(bigger->data(), block_->data() + begin_, have);
  block_ = std::move(bigger);
  begin_ = 0;
  end_ = have;
}

/// Reads until `need` bytes are there. closed: the peer ended.
task::Task<Status> Connection::fill(std::size_t need, Deadline until) {
  make_room(need);
  while (end_ - begin_ < need) {
    const std::size_t room = block_->capacity() - end_;
    CO_TRY(const std::size_t got, co_await task::read_some(context_, stream_, block_, end_, room, until));
    if (got == 0) co_return fail(Errc::closed, "the peer closed the connection");
    end_ += got;
    server_.metrics().received(got);
    // The block grows with the traffic and shrinks when it calms, so an idle connection holds little.
    next_capacity_ = got == room ? std::min(next_capacity_ * 2, kReadMax) : std::max(kReadMin, next_capacity_ / 2);
  }
  co_return Status{};
}

task::Task<Result<Buffer>> Connection::next_frame() {
  if (begin_ == end_) {
    // Between frames: wait as long as an idle connection may live, holding as little as possible.
    if (block_ && block_.use_count() == 1 && block_->capacity() <= next_capacity_ * 2) {
      begin_ = end_ = 0;
    } else {
      block_.reset();
      begin_ = end_ = 0;
    }
    CO_TRY_STATUS(co_await fill(1, context_.after(server_.idle_max())));
  }
  const Deadline until = context_.after(kFrameDeadline);
  CO_TRY_STATUS(co_await fill(wire::kFrameLengthSize, until));
  const auto length = load_be<std::int32_t>(block_->data() + begin_);
  if (length < 0 || length > server_.request_bytes_max()) {
    co_return fail(Errc::corrupt, "frame length " + std::to_string(length) + " is outside 0.." +
                                      std::to_string(server_.request_bytes_max()) + " (socket.request.max.bytes)");
  }
  const std::size_t whole = wire::kFrameLengthSize + static_cast<std::size_t>(length);
  // A length is but a promise: memory is taken, from all others, for those who have begun to keep it.
  CO_TRY_STATUS(co_await fill(std::min(whole, kReadMin), until));
  CO_TRY(frame_memory_, co_await server_.request_budget().take(whole, context_.after(kMemoryDeadline)));
  CO_TRY_STATUS(co_await fill(whole, until));
  const std::byte* const at = block_->data() + begin_ + wire::kFrameLengthSize;
  Buffer frame(block_, ByteSpan(at, static_cast<std::size_t>(length)));
  begin_ += whole;
  co_return frame;
}

task::Task<void> Connection::serve(ExchangePtr exchange, Buffer frame, Instant received) {
  const auto self = shared_from_this();
  auto request = wire::parse_request(frame);
  frame = Buffer{};
  Result<std::vector<Buffer>> answer = std::vector<Buffer>{};
  if (!request) {
    answer = std::unexpected(std::move(request).error());
  } else {
    const Handler* handler = all_handlers().find(request->header.key);
    if (!handler) {
      answer = fail(Errc::unsupported, "API key " + std::to_string(static_cast<int>(request->header.key)));
    } else if (!request->supported && request->header.key == wire::ApiKey::api_versions) {
      answer = unknown_api_versions(request->header.correlation_id);
    } else if (!request->supported) {
      answer = fail(Errc::unsupported, std::string(wire::to_string(request->header.key)) + " version " +
                                           std::to_string(request->header.version));
    } else {
      RequestContext context{server_, *exchange, request->header, host_, received};
      answer = co_await (*handler)(context, *request);
      server_.metrics().request(request->header.key, context_.now() - received);
    }
  }
  exchange->request_memory.release();
  if (answer) {
    exchange->answer = *std::move(answer);
    unsent_bytes_ += wire::total_size(exchange->answer);
  } else {
    log_end(answer.error());
    exchange->close_after = true;
  }
  exchange->finish();
}

task::Task<Status> Connection::read_requests() {
  while (!stopping_) {
    CO_TRY(Buffer frame, co_await next_frame());
    const Instant received = context_.now();
    auto exchange = std::make_shared<Exchange>(context_);
    exchange->request_memory = std::move(frame_memory_);
    while ((pipeline_.size() >= kPipelineMax || unsent_bytes_ >= kUnsentMax) && !writer_done_) {
      co_await changed_.wait("connection.pipeline", context_.after(kAnswerDeadline));
    }
    if (writer_done_) break;
    pipeline_.push_back(exchange);
    changed_.notify_all();
    context_.spawn("request", serve(exchange, std::move(frame), received));
    // Every handler ends by a deadline of its own, JoinGroup's being the longest; this wait only re-arms.
    while (!exchange->ordered) {
      co_await exchange->changed.wait("connection.order", context_.after(kAnswerDeadline));
    }
    if (exchange->close_after) break;
  }
  co_return Status{};
}

/// Takes every answer that is ready and next in order, up to a bound; true if the connection ends with them.
bool Connection::take_ready(std::vector<Buffer>& pieces, std::vector<ExchangePtr>& taken) {
  std::size_t bytes = 0;
  bool end = false;
  while (!pipeline_.empty() && pipeline_.front()->done && bytes < kWriteBatchMax && !end) {
    taken.push_back(std::move(pipeline_.front()));
    pipeline_.pop_front();
    end = taken.back()->close_after;
    for (Buffer& piece : taken.back()->answer) {
      bytes += piece.size();
      pieces.push_back(std::move(piece));
    }
  }
  server_.metrics().sent(bytes);
  return end;
}

task::Task<void> Connection::write_answers() {
  const auto self = shared_from_this();
  for (;;) {
    if (pipeline_.empty()) {
      if (reading_done_ || stopping_) break;
      co_await changed_.wait("connection.writer.idle", context_.after(kAnswerDeadline));
      continue;
    }
    const ExchangePtr next = pipeline_.front();
    if (!next->done) {
      co_await next->changed.wait("connection.answer", context_.after(kAnswerDeadline));
      continue;
    }
    std::vector<Buffer> pieces;
    std::vector<ExchangePtr> taken;  // keeps the answers' memory charged until they have left
    const bool end = take_ready(pieces, taken);
    const std::size_t bytes = wire::total_size(pieces);
    changed_.notify_all();
    if (!pieces.empty()) {
      const auto status = co_await task::write(context_, stream_, std::move(pieces), context_.after(kWriteDeadline));
      if (!status) break;
    }
    unsent_bytes_ -= bytes;
    changed_.notify_all();
    if (end) break;
  }
  stream_->close();
  writer_done_ = true;
  changed_.notify_all();
}

task::Task<void> Connection::run() {
  const auto self = shared_from_this();
  context_.spawn("connection.writer", write_answers());
  const Status status = co_await read_requests();
  if (!status) log_end(status.error());
  // What was read is answered before the connection ends.
  reading_done_ = true;
  changed_.notify_all();
  while (!writer_done_) co_await changed_.wait("connection.drain", context_.after(kAnswerDeadline));
}

void Connection::log_end(const Error& error) {
  switch (error.code) {
    case Errc::closed:
    case Errc::unreachable:
      return;  // clients come and go
    case Errc::timed_out:
      spdlog::debug("connection {} from {} ended: {}", id_, host_, error.message());
      return;
    default:
      server_.metrics().malformed();
      spdlog::warn("connection {} from {} closed: {}", id_, host_, error.message());
  }
}

}  // namespace chronik::server
