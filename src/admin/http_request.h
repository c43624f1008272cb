// One HTTP request head, parsed by Beast without I/O, so that it also runs in simulation.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace chronik::admin {

struct HttpRequest {
  std::string method;
  std::string path;   // without the query
  std::string query;  // behind '?'
  bool keep_alive = true;
};

/// Feed bytes until complete. Bodies are refused: every request here is a GET.
class HttpParser {
 public:
  HttpParser();
  ~HttpParser();

  /// Bytes consumed; invalid_argument if this is no HTTP request or too large.
  Result<std::size_t> feed(ByteSpan bytes);
  bool complete() const;
  HttpRequest request() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chronik::admin
