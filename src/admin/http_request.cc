#include "admin/http_request.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/src.hpp>

namespace chronik::admin {

namespace http = boost::beast::http;

struct HttpParser::Impl {
  http::request_parser<http::empty_body> parser;
};

HttpParser::HttpParser() : impl_(std::make_unique<Impl>()) {
  constexpr std::uint32_t kHeaderBytesMax = 16U << 10;
  impl_->parser.header_limit(kHeaderBytesMax);
  impl_->parser.body_limit(0);
  impl_->parser.eager(false);
}

HttpParser::~HttpParser() = default;

Result<std::size_t> HttpParser::feed(ByteSpan bytes) {
  boost::system::error_code error;
  const std::size_t used = impl_->parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::need_more) return used;
  if (error) return fail(Errc::invalid_argument, error.message());
  return used;
}

bool HttpParser::complete() const {
  return impl_->parser.is_done();
}

HttpRequest HttpParser::request() const {
  const auto& message = impl_->parser.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  request.keep_alive = message.keep_alive();
  return request;
}

}  // namespace chronik::admin
