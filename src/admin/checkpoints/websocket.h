// WebSocket frames (RFC 6455), by wslay, without I/O.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace chronik::admin {

/// What a server answers to Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

class WebSocket {
 public:
  WebSocket();
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  /// Bytes from the peer; pongs and the answer to a close get in line. False: it speaks no WebSocket, or said good-bye.
  bool feed(std::string_view bytes);
  void send_text(std::string_view message);
  void send_ping();
  /// `code` of RFC 6455, 7.4; at most 120 bytes of reason.
  void send_close(std::uint16_t code, std::string_view reason);
  /// Of messages in line, not taken yet.
  std::size_t queued_bytes() const;
  /// Whether take_output() would give something; not what is in line behind a good-bye.
  bool wants_to_send() const;
  /// What is to be written; empty: nothing.
  std::string take_output();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chronik::admin
