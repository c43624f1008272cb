#include "env/real/tcp_stream.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace chronik::env {

namespace {
// Enough for a response of many partitions in one call; far below IOV_MAX to keep the stack small.
constexpr std::size_t kPartsPerSend = 256;
static_assert(kPartsPerSend <= IOV_MAX);
}  // namespace

Error network_error(const boost::system::error_code& error, std::string_view what) {
  if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
    return Error{Errc::closed, std::string(what)};
  }
  Error known = error_from_errno(error.value(), what);
  if (error.category() != boost::system::system_category()) known.detail = std::string(what) + ": " + error.message();
  // What errno has no name for, and the kernel's own giving up, is the peer's absence.
  const bool named = known.code == Errc::permission_denied || known.code == Errc::in_use ||
                     known.code == Errc::overloaded || known.code == Errc::invalid_argument;
  if (!named || error.category() != boost::system::system_category()) known.code = Errc::unreachable;
  return known;
}

Address address_of(const tcp::endpoint& endpoint) {
  return Address{endpoint.address().to_string(), endpoint.port()};
}

TcpStream::TcpStream(RealLoop& loop, tcp::socket socket) : loop_(loop), socket_(std::move(socket)) {
  boost::system::error_code ignored;  // a peer that is gone already shows at the first read
  socket_.set_option(tcp::no_delay(true), ignored);
  const tcp::endpoint peer = socket_.remote_endpoint(ignored);
  if (!ignored) peer_ = address_of(peer);
}

void TcpStream::read_some(std::shared_ptr<Block> into, std::size_t at, std::size_t length, Callback<std::size_t> done) {
  CHECK(!reading_);
  CHECK(length > 0 && at + length <= into->capacity());
  reading_ = true;
  if (read_end_ && socket_.is_open()) {  // the reactor reports an end only once
    asio::post(loop_.io(), [self = shared_from_this(), done = std::move(done)]() mutable {
      self->reading_ = false;
      done(*self->read_end_);
    });
    return;
  }
  std::byte* const place = into->data() + at;
  socket_.async_read_some(asio::buffer(place, length),
                          [self = shared_from_this(), into = std::move(into), done = std::move(done)](
                              const boost::system::error_code& error, std::size_t n) mutable {
                            self->reading_ = false;
                            if (!error) return done(n);
                            self->read_end_ = std::size_t{0};
                            if (error != asio::error::eof) self->read_end_ = fail(network_error(error, "read"));
                            done(*self->read_end_);
                          });
}

// The callback travels in the handlers, never in a member: it often holds this stream, and what the end of the Host
// destroys are handlers.
void TcpStream::write(std::vector<Buffer> pieces, Callback<void> done) {
  CHECK(!writing_);
  writing_ = true;
  pieces_ = std::move(pieces);
  piece_ = piece_sent_ = 0;
  const int error = socket_.is_open() ? send_some() : EBADF;
  if (error == EAGAIN) return wait_until_writable(std::move(done));
  asio::post(loop_.io(), [self = shared_from_this(), done = std::move(done), error]() mutable {
    self->finish_write(boost::system::error_code(error, boost::system::system_category()), std::move(done));
  });
}

int TcpStream::send_some() {
  for (;;) {
    std::array<iovec, kPartsPerSend> parts;
    std::size_t count = 0;
    for (std::size_t i = piece_; i < pieces_.size() && count < parts.size(); ++i) {
      const std::size_t skip = i == piece_ ? piece_sent_ : 0;
      if (pieces_[i].size() == skip) continue;
      // The kernel only reads from it.
      parts[count++] = {const_cast<std::byte*>(pieces_[i].data()) + skip, pieces_[i].size() - skip};
    }
    if (count == 0) return 0;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    piece_sent_ += static_cast<std::size_t>(n);
    while (piece_ < pieces_.size() && piece_sent_ >= pieces_[piece_].size()) {
      piece_sent_ -= pieces_[piece_].size();
      ++piece_;
    }
  }
}

void TcpStream::wait_until_writable(Callback<void> done) {
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this(),
                                               done = std::move(done)](const boost::system::error_code& error) mutable {
    if (error) return self->finish_write(error, std::move(done));
    const int number = self->socket_.is_open() ? self->send_some() : EBADF;
    if (number == EAGAIN) return self->wait_until_writable(std::move(done));
    self->finish_write(boost::system::error_code(number, boost::system::system_category()), std::move(done));
  });
}

void TcpStream::finish_write(const boost::system::error_code& error, Callback<void> done) {
  pieces_.clear();
  writing_ = false;
  done(error ? Status(fail(network_error(error, "write"))) : Status{});
}

void TcpStream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace chronik::env
