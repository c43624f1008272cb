// Request and response frames: the headers before a body. Request headers v1 (client id) and v2 (flexible), response
// headers v0 and v1. An ApiVersions response has header v0 always, so that clients of any age can read it (KIP-511).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/api.h"
#include "wire/codec.h"

namespace chronik::wire {

/// Bytes of the length before every frame.
inline constexpr std::size_t kFrameLengthSize = 4;

struct RequestHeader {
  ApiKey key = ApiKey::none;
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id;
};

struct RequestFrame {
  RequestHeader header;
  /// Whether `body` can be decoded. A false one still has its correlation id, to answer UNSUPPORTED_VERSION with.
  bool supported = false;
  Buffer body;
};

/// Splits a frame (without its length) into header and body. Errors: unsupported (key not in the table), corrupt.
Result<RequestFrame> parse_request(const Buffer& frame);

struct ResponseFrame {
  std::int32_t correlation_id = 0;
  Buffer body;
};

/// The same for an answer to a request of (key, version).
Result<ResponseFrame> parse_response(const Buffer& frame, ApiKey key, std::int16_t version);

/// Header bytes, without the frame length.
std::vector<std::byte> request_header_bytes(const RequestHeader& header);
std::vector<std::byte> response_header_bytes(ApiKey key, std::int16_t version, std::int32_t correlation_id);

/// A response frame ready for the socket. `version` is that of the request.
template <class Response>
Result<std::vector<Buffer>> encode_response(std::int32_t correlation_id, const Response& response,
                                            std::int16_t version) {
  return encode_framed(response, version, response_header_bytes(Response::kSchema.key, version, correlation_id));
}

/// A request frame ready for the socket.
template <class Request>
Result<std::vector<Buffer>> encode_request(std::int32_t correlation_id, std::string_view client_id,
                                           const Request& request, std::int16_t version) {
  const RequestHeader header{Request::kSchema.key, version, correlation_id, std::string(client_id)};
  return encode_framed(request, version, request_header_bytes(header));
}

}  // namespace chronik::wire
