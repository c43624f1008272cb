// Hand-written rather than described: the client id stays in the old encoding even in the flexible header, and the
// correlation id must be readable before the version is known to be one of ours.
#include "wire/header.h"

#include "base/check.h"

namespace chronik::wire {
namespace {

constexpr std::size_t kFixedSize = 2 + 2 + 4;  // key, version, correlation id

/// A cursor over header bytes.
class Cursor {
 public:
  explicit Cursor(const Buffer& frame) : frame_(frame) {}

  std::size_t remaining() const { return frame_.size() - at_; }
  template <class T>
  T take() {
    const T value = load_be<T>(frame_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  std::string take_text(std::size_t length) {
    const auto text = as_text(frame_.span().subspan(at_, length));
    at_ += length;
    return std::string(text);
  }
  std::optional<std::uint32_t> take_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 35 && remaining() > 0; shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(frame_.data()[at_++]);
      value |= (byte & 0x7fU) << shift;
      if ((byte & 0x80U) != 0) continue;
      if (value > UINT32_MAX) return std::nullopt;
      return static_cast<std::uint32_t>(value);
    }
    return std::nullopt;
  }
  /// Passes over tagged fields: headers have none that we know.
  bool skip_tags() {
    const auto count = take_varint();
    if (!count) return false;
    for (std::uint32_t i = 0; i < *count; ++i) {
      const auto tag = take_varint();
      const auto size = take_varint();
      if (!tag || !size || *size > remaining()) return false;
      at_ += *size;
    }
    return true;
  }
  Buffer rest() const { return frame_.slice(at_, remaining()); }

 private:
  const Buffer& frame_;
  std::size_t at_ = 0;
};

bool has_flexible_response_header(ApiKey key, std::int16_t version) {
  const ApiInfo* api = find_api(key);
  CHECK(api != nullptr);
  return key != ApiKey::api_versions && version >= api->flexible_since;
}

}  // namespace

Result<RequestFrame> parse_request(const Buffer& frame) {
  if (frame.size() < kFixedSize) return fail(Errc::corrupt, "request header: truncated");
  Cursor cursor(frame);
  RequestFrame request;
  RequestHeader& header = request.header;
  header.key = static_cast<ApiKey>(cursor.take<std::int16_t>());
  header.version = cursor.take<std::int16_t>();
  header.correlation_id = cursor.take<std::int32_t>();
  const ApiInfo* api = find_api(header.key);
  if (api == nullptr) {
    return fail(Errc::unsupported, "unknown API key " + std::to_string(static_cast<int>(header.key)));
  }
  request.supported = is_supported(header.key, header.version);
  // A header of a version we do not know may have any shape from here on.
  if (!request.supported) return request;
  if (cursor.remaining() < sizeof(std::int16_t)) return fail(Errc::corrupt, "request header: truncated");
  const auto length = cursor.take<std::int16_t>();
  if (length < -1) return fail(Errc::corrupt, "request header: negative client id length");
  if (length >= 0) {
    const auto size = static_cast<std::size_t>(length);
    if (size > cursor.remaining()) return fail(Errc::corrupt, "request header: client id longer than the frame");
    header.client_id = cursor.take_text(size);
  }
  if (header.version >= api->flexible_since && !cursor.skip_tags()) {
    return fail(Errc::corrupt, "request header: bad tagged fields");
  }
  request.body = cursor.rest();
  return request;
}

Result<ResponseFrame> parse_response(const Buffer& frame, ApiKey key, std::int16_t version) {
  if (frame.size() < sizeof(std::int32_t)) return fail(Errc::corrupt, "response header: truncated");
  Cursor cursor(frame);
  ResponseFrame response;
  response.correlation_id = cursor.take<std::int32_t>();
  if (has_flexible_response_header(key, version) && !cursor.skip_tags()) {
    return fail(Errc::corrupt, "response header: bad tagged fields");
  }
  response.body = cursor.rest();
  return response;
}

std::vector<std::byte> request_header_bytes(const RequestHeader& header) {
  const ApiInfo* api = find_api(header.key);
  CHECK(api != nullptr);
  const bool flexible = header.version >= api->flexible_since;
  std::string_view client_id = header.client_id ? std::string_view(*header.client_id) : std::string_view();
  client_id = client_id.substr(0, INT16_MAX);  // ours on this side; the format cannot say more
  std::vector<std::byte> bytes(kFixedSize + sizeof(std::int16_t) + client_id.size() + (flexible ? 1 : 0));
  store_be(bytes.data(), static_cast<std::int16_t>(header.key));
  store_be(bytes.data() + 2, header.version);
  store_be(bytes.data() + 4, header.correlation_id);
  store_be(bytes.data() + kFixedSize,
           header.client_id ? static_cast<std::int16_t>(client_id.size()) : std::int16_t{-1});
  if (!client_id.empty()) std::memcpy(bytes.data() + kFixedSize + 2, client_id.data(), client_id.size());
  return bytes;  // the last byte of a flexible header, zero, announces no tagged fields
}

std::vector<std::byte> response_header_bytes(ApiKey key, std::int16_t version, std::int32_t correlation_id) {
  std::vector<std::byte> bytes(sizeof correlation_id + (has_flexible_response_header(key, version) ? 1 : 0));
  store_be(bytes.data(), correlation_id);
  return bytes;
}

}  // namespace chronik::wire
