// Calls of one HTTP server from any thread, by libcurl: connections are kept and shared, every call has a deadline.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/result.h"

namespace chronik::remote {

namespace cp = chronik::checkpoint;

struct HttpCall {
  const char* method = "GET";
  std::string target;  // path and query
  std::string_view body;
  bool has_body = false;
  std::string content_type;
  std::uint64_t epoch = 0;  // of a fenced writer; 0: none
  cp::Duration timeout{};
  /// Takes the answer's body of success as it comes; false ends the call.
  std::function<bool(std::string_view part)> sink;
  /// Gives the request's body, of unknown length: empty at its end, nothing to end the call.
  std::function<std::optional<std::string>()> source;
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case
};

class HttpLink {
 public:
  explicit HttpLink(std::string base) : base_(std::move(base)) {}
  ~HttpLink();
  HttpLink(const HttpLink&) = delete;
  HttpLink& operator=(const HttpLink&) = delete;

  /// An answer of any status. closed: the server could not be reached; timed_out: it may have got the request.
  cp::Result<HttpAnswer> call(const HttpCall& call);
  const std::string& base() const { return base_; }

 private:
  class Lease;
  const std::string base_;
  std::mutex mutex_;  // held to take and to give back
  std::vector<void*> idle_;
};

/// As it must stand in a path or a query.
std::string percent_encoded(std::string_view text);

}  // namespace chronik::remote
