// A blocking TCP connection with deadlines, for the measures in which a client library would be most of the time.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace chronik::bench {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  /// "HOST:PORT"; the first of a list separated by commas. Nagle's algorithm is off.
  static Result<Socket> connect(const std::string& address, int timeout_ms);

  Status send_all(const std::string& bytes);
  /// Exactly `size` bytes, waiting at most until `deadline_ns` of now_ns() for them.
  Status receive(char* to, std::size_t size, std::int64_t deadline_ns);
  /// One Kafka response without its length, from the correlation id on.
  Result<std::string> receive_frame(std::int64_t deadline_ns);
  /// Wakes a receive() in another thread, which then fails.
  void shut_down();
  void close();
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace chronik::bench
