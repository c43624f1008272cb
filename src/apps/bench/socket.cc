// See socket.h.
#include "apps/bench/socket.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "apps/bench/clock.h"
#include "base/bytes.h"

namespace chronik::bench {
namespace {

constexpr std::int32_t kFrameMax = 256 << 20;

Status set_up(int fd, int timeout_ms) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval limit{timeout_ms / 1000, (timeout_ms % 1000) * 1000};
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    return fail(error_from_errno(errno, "setsockopt"));
  }
  return {};
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

Result<Socket> Socket::connect(const std::string& address, int timeout_ms) {
  const auto first = address.substr(0, address.find(','));
  const auto colon = first.rfind(':');
  if (colon == std::string::npos) return fail(Errc::invalid_argument, "not HOST:PORT: " + first);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const auto host = first.substr(0, colon);
  if (const int code = getaddrinfo(host.c_str(), first.c_str() + colon + 1, &hints, &found); code != 0) {
    return fail(Errc::unreachable, fmt::format("{}: {}", first, gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  Error last{Errc::unreachable, first + ": no address"};
  for (const auto* at = found; at != nullptr; at = at->ai_next) {
    Socket socket(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
    if (socket.fd_ < 0) continue;
    // SO_SNDTIMEO also limits connect().
    TRY_STATUS(set_up(socket.fd_, timeout_ms));
    if (::connect(socket.fd_, at->ai_addr, at->ai_addrlen) == 0) return socket;
    last = error_from_errno(errno, "connect to " + first);
  }
  return fail(std::move(last));
}

Status Socket::send_all(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::unreachable, fmt::format("send: {}", error_from_errno(errno, "send").message()));
    sent += static_cast<std::size_t>(n);
  }
  return {};
}

Status Socket::receive(char* to, std::size_t size, std::int64_t deadline_ns) {
  while (size > 0) {
    pollfd waiting{fd_, POLLIN, 0};
    const auto left_ms = (deadline_ns - now_ns()) / 1'000'000;
    if (left_ms < 0) return fail(Errc::timed_out, "no answer in time");
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left_ms + 1, 1'000'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(Errc::timed_out, "no answer in time");
    const auto n = ::recv(fd_, to, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::unreachable, error_from_errno(errno, "receive").message());
    if (n == 0) return fail(Errc::closed, "the broker closed the connection");
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

Result<std::string> Socket::receive_frame(std::int64_t deadline_ns) {
  std::byte length[4];
  TRY_STATUS(receive(reinterpret_cast<char*>(length), sizeof length, deadline_ns));
  const auto size = load_be<std::int32_t>(length);
  if (size < 4 || size > kFrameMax) return fail(Errc::corrupt, fmt::format("response of {} bytes", size));
  std::string frame(static_cast<std::size_t>(size), '\0');
  TRY_STATUS(receive(frame.data(), frame.size(), deadline_ns));
  return frame;
}

void Socket::shut_down() {
  if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
}

void Socket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace chronik::bench
