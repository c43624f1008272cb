#include "admin/http_request.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/src.hpp>

namespace chronik::admin {

namespace http = boost::beast::http;

namespace {
constexpr std::uint32_t kHeadBytesMax = 1U << 20;  // metadata of 256 KiB, percent-encoded, fits
}

struct HttpParser::Impl {
  http::request_parser<http::string_body> parser;
  bool body_allowed = false;
};

HttpParser::HttpParser() : impl_(std::make_unique<Impl>()) {
  impl_->parser.header_limit(kHeadBytesMax);
  impl_->parser.body_limit(boost::none);  // allow_body's, once the head is known
  impl_->parser.eager(false);
}

HttpParser::~HttpParser() = default;

Result<std::size_t> HttpParser::feed(ByteSpan bytes) {
  boost::system::error_code error;
  const std::size_t used = impl_->parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::need_more) return used;
  if (error == http::error::body_limit || error == http::error::header_limit) {
    return fail(Errc::out_of_range, error == http::error::body_limit ? "the body is too long" : "the head is too long");
  }
  if (error) return fail(Errc::invalid_argument, error.message());
  return used;
}

bool HttpParser::head_complete() const {
  return impl_->parser.is_header_done();
}

bool HttpParser::complete() const {
  return impl_->parser.is_done();
}

HttpRequest HttpParser::request() const {
  const auto& message = impl_->parser.get();
  const auto field = [&](http::field name) { return std::string(message[name]); };
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  const auto mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
  request.keep_alive = message.keep_alive();
  request.expects_continue = boost::beast::iequals(message[http::field::expect], "100-continue");
  request.host = field(http::field::host);
  request.origin = field(http::field::origin);
  request.content_type = field(http::field::content_type);
  request.epoch = std::string(message["Chronik-Epoch"]);
  if (http::token_list(message[http::field::upgrade]).exists("websocket") &&
      field(http::field::sec_websocket_version) == "13") {
    request.websocket_key = field(http::field::sec_websocket_key);
  }
  request.chunked = impl_->parser.chunked();
  const auto encoding = message.find(http::field::transfer_encoding);
  request.unknown_encoding = encoding != message.end() && (message.count(http::field::transfer_encoding) > 1 ||
                                                           !boost::beast::iequals(encoding->value(), "chunked"));
  request.http_1_0 = message.version() < 11;
  if (const auto length = impl_->parser.content_length()) request.content_length = *length;
  return request;
}

void HttpParser::allow_body(std::uint64_t bytes_max) {
  impl_->parser.body_limit(bytes_max);
  impl_->parser.eager(true);
}

std::string HttpParser::take_body() {
  return std::exchange(impl_->parser.get().body(), {});
}

std::size_t HttpParser::body_bytes() const {
  return impl_->parser.get().body().size();
}

}  // namespace chronik::admin
