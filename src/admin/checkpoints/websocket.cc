#include "admin/checkpoints/websocket.h"

#include <openssl/evp.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace chronik::admin {

namespace {

constexpr std::uint64_t kMessageBytesMax = 4096;  // nobody has much to say to us
constexpr std::size_t kReasonBytesMax = 120;

}  // namespace

std::string websocket_accept(std::string_view key) {
  constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const std::string text = std::string(key) += kMagic;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr) == 1);
  std::array<unsigned char, 64> encoded{};
  const int size = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(length));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size)};
}

struct WebSocket::Impl {
  wslay_event_context_ptr context = nullptr;
  std::string_view input;
  std::string output;

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* into, std::size_t length, int, void* user) {
    auto& self = *static_cast<Impl*>(user);
    if (self.input.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const std::size_t count = std::min(length, self.input.size());
    std::memcpy(into, self.input.data(), count);
    self.input.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  static ssize_t send(wslay_event_context_ptr, const std::uint8_t* data, std::size_t length, int, void* user) {
    static_cast<Impl*>(user)->output.append(reinterpret_cast<const char*>(data), length);
    return static_cast<ssize_t>(length);
  }
  void queue(std::uint8_t opcode, std::string_view text) {
    const wslay_event_msg message{opcode, reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    (void)wslay_event_queue_msg(context, &message);  // refused once a close is in line, as it should be
  }
};

WebSocket::WebSocket() : impl_(std::make_unique<Impl>()) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = Impl::receive;
  callbacks.send_callback = Impl::send;
  CHECK(wslay_event_context_server_init(&impl_->context, &callbacks, impl_.get()) == 0);
  wslay_event_config_set_max_recv_msg_length(impl_->context, kMessageBytesMax);
}

WebSocket::~WebSocket() {
  wslay_event_context_free(impl_->context);
}

bool WebSocket::feed(std::string_view bytes) {
  impl_->input = bytes;
  const int outcome = wslay_event_recv(impl_->context);
  impl_->input = {};
  return outcome == 0 && wslay_event_get_close_received(impl_->context) == 0;
}

void WebSocket::send_text(std::string_view message) {
  impl_->queue(WSLAY_TEXT_FRAME, message);
}

void WebSocket::send_ping() {
  impl_->queue(WSLAY_PING, {});
}

void WebSocket::send_close(std::uint16_t code, std::string_view reason) {
  const std::string_view part = reason.substr(0, kReasonBytesMax);
  (void)wslay_event_queue_close(impl_->context, code, reinterpret_cast<const std::uint8_t*>(part.data()), part.size());
}

std::size_t WebSocket::queued_bytes() const {
  constexpr std::size_t kFrameBytes = 32;  // an empty one takes memory too
  return wslay_event_get_queued_msg_length(impl_->context) +
         wslay_event_get_queued_msg_count(impl_->context) * kFrameBytes;
}

bool WebSocket::wants_to_send() const {
  return wslay_event_want_write(impl_->context) != 0;
}

std::string WebSocket::take_output() {
  (void)wslay_event_send(impl_->context);
  return std::exchange(impl_->output, {});
}

}  // namespace chronik::admin
