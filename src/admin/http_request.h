// One HTTP request, parsed by Beast without I/O, so that it also runs in simulation: first its head, then its body as
// it comes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace chronik::admin {

struct HttpRequest {
  std::string method;
  std::string target;  // path and query, as sent
  std::string path;    // without the query, as sent
  std::string query;   // behind '?', as sent
  bool keep_alive = true;
  bool expects_continue = false;
  std::string host;
  std::string origin;
  std::string content_type;
  std::string epoch;                            // Chronik-Epoch
  std::string websocket_key;                    // not empty: asks to become a WebSocket
  std::optional<std::uint64_t> content_length;  // none: no body, or chunked
  bool chunked = false;
  bool unknown_encoding = false;  // a Transfer-Encoding that is not "chunked": where the body ends is not known
  bool http_1_0 = false;
};

/// Feed bytes until the head is complete; then allow a body, and feed until all is.
class HttpParser {
 public:
  HttpParser();
  ~HttpParser();

  /// Bytes consumed; invalid_argument if this is no HTTP request, too_large (out_of_range) beyond a limit.
  Result<std::size_t> feed(ByteSpan bytes);
  bool head_complete() const;
  bool complete() const;
  HttpRequest request() const;

  /// Of the body; none is allowed before. Once, after the head.
  void allow_body(std::uint64_t bytes_max);
  /// What has come of the body since the last call.
  std::string take_body();
  std::size_t body_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chronik::admin
