#include "admin/http_connection.h"

#include <algorithm>
#include <cstring>

namespace chronik::admin {

namespace {

constexpr std::size_t kReceiveBytes = 16U << 10;
constexpr std::size_t kReceiveBytesMax = 2U << 20;
constexpr std::size_t kWriteBytes = 1U << 20;  // each within the deadline: a slow reader makes progress
constexpr Duration kWriteDeadline = 30s;
constexpr Duration kLinger = 2s;
constexpr std::uint64_t kLingerBytes = 128U << 20;

std::string head_of(const Reply& reply, bool keep_alive, const std::string& length) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason_of(reply.status) + "\r\n";
  if (reply.status != 204) text += "Content-Type: " + reply.type + "\r\n" + length;
  for (const auto& [name, value] : reply.headers) ((text += name) += ": ") += value + "\r\n";
  return text += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
}

}  // namespace

const char* reason_of(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 507:
      return "Insufficient Storage";
    default:
      return "Service Unavailable";
  }
}

HttpConnection::HttpConnection(task::Context& context, env::StreamPtr stream)
    : context_(context), stream_(std::move(stream)), block_(Block::allocate(kReceiveBytes)), size_(kReceiveBytes) {}

/// Parses what is there, or reads more; progress each time.
task::Task<Status> HttpConnection::feed_more(Deadline until) {
  if (begin_ == end_ || stuck_) {
    if (begin_ > 0) std::memmove(block_->data(), block_->data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    if (end_ == size_) {
      // Beast takes a head only as a whole.
      if (size_ == kReceiveBytesMax) co_return fail(Errc::out_of_range, "the head is too long");
      auto larger = Block::allocate(size_ * 2);
      std::memcpy(larger->data(), block_->data(), end_);
      block_ = std::move(larger);
      size_ *= 2;
    }
    const auto got = co_await task::read_some(context_, stream_, block_, end_, size_ - end_, until);
    readable_ = got && *got > 0;
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Errc::closed, "the client ended the connection");
    end_ += *got;
  }
  CO_TRY(const std::size_t used, parser_->feed(ByteSpan(block_->data() + begin_, end_ - begin_)));
  begin_ += used;
  stuck_ = used == 0;
  co_return Status();
}

task::Task<Result<HttpRequest>> HttpConnection::next(Deadline until) {
  parser_ = std::make_unique<HttpParser>();
  stuck_ = false;
  while (!parser_->head_complete()) CO_TRY_STATUS(co_await feed_more(until));
  stuck_ = false;
  co_return parser_->request();
}

task::Task<Status> HttpConnection::allow_body(const HttpRequest& request, std::uint64_t bytes_max) {
  if (request.content_length.value_or(0) > bytes_max) co_return fail(Errc::out_of_range, "the body is too long");
  parser_->allow_body(bytes_max);
  if (!request.expects_continue || parser_->complete()) co_return Status();
  co_return co_await write("HTTP/1.1 100 Continue\r\n\r\n");
}

task::Task<Result<std::string>> HttpConnection::read_some_body(Deadline until) {
  while (!parser_->complete() && parser_->body_bytes() == 0) CO_TRY_STATUS(co_await feed_more(until));
  co_return parser_->take_body();
}

task::Task<Status> HttpConnection::reply(Reply reply, bool keep_alive, bool with_body) {
  CO_TRY_STATUS(
      co_await write(head_of(reply, keep_alive, "Content-Length: " + std::to_string(reply.body.size()) + "\r\n")));
  if (!with_body || reply.status == 204 || reply.body.empty()) co_return Status();
  co_return co_await write(std::move(reply.body));
}

task::Task<void> HttpConnection::linger() {
  const Deadline until = context_.after(kLinger);
  for (std::uint64_t left = readable_ ? kLingerBytes : 0; left > 0;) {
    const auto got = co_await task::read_some(context_, stream_, block_, 0, size_, until);
    if (!got || *got == 0) co_return;
    left -= std::min<std::uint64_t>(left, *got);
  }
}

task::Task<Status> HttpConnection::begin_chunks(const Reply& head, bool keep_alive, bool chunked) {
  chunked_ = chunked;
  co_return co_await write(head_of(head, keep_alive, chunked ? "Transfer-Encoding: chunked\r\n" : ""));
}

task::Task<Status> HttpConnection::write_chunk(std::string chunk) {
  if (!chunked_) co_return co_await write(std::move(chunk));
  constexpr const char* kHex = "0123456789abcdef";
  std::string size;
  for (std::size_t left = chunk.size(); left > 0; left /= 16) size.insert(size.begin(), kHex[left % 16]);
  if (size.empty()) co_return co_await write("0\r\n\r\n");
  CO_TRY_STATUS(co_await write(size + "\r\n"));
  chunk += "\r\n";
  co_return co_await write(std::move(chunk));
}

task::Task<Status> HttpConnection::upgrade(const char* protocol,
                                           std::vector<std::pair<std::string, std::string>> headers) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + std::string(protocol);
  for (const auto& [name, value] : headers) ((text += "\r\n" + name) += ": ") += value;
  co_return co_await write(text + "\r\n\r\n");
}

task::Task<Status> HttpConnection::write(std::string text) {
  const auto owner = std::make_shared<const std::string>(std::move(text));
  for (std::size_t at = 0; at < owner->size(); at += kWriteBytes) {
    const std::string_view part = std::string_view(*owner).substr(at, kWriteBytes);
    std::vector<Buffer> pieces;
    pieces.emplace_back(owner, as_bytes(part));
    if (broken_) co_return fail(Errc::closed, "an earlier write failed");
    const auto written = co_await task::write(context_, stream_, std::move(pieces), context_.after(kWriteDeadline));
    broken_ = !written;
    if (!written) co_return fail(written.error());
  }
  co_return Status();
}

std::string HttpConnection::take_rest() {
  std::string rest(reinterpret_cast<const char*>(block_->data()) + begin_, end_ - begin_);
  begin_ = end_ = 0;
  readable_ = false;  // the caller's from here on
  return rest;
}

}  // namespace chronik::admin
