// One HTTP/1.1 connection: requests in, replies out, each wait with a deadline; a reply may
// take as long as its reader makes progress.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "admin/http_request.h"
#include "task/io.h"

namespace chronik::admin {

struct Reply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names and values without line ends
};

class HttpConnection {
 public:
  HttpConnection(task::Context& context, env::StreamPtr stream);

  /// The next request's head. closed: the peer ended well; invalid_argument and out_of_range: it spoke no HTTP.
  task::Task<Result<HttpRequest>> next(Deadline until);
  /// Must follow next() before any of the body is read; asks the client to send it if it waits for that.
  task::Task<Status> allow_body(const HttpRequest& request, std::uint64_t bytes_max);
  /// A part of the body, empty at its end; out_of_range beyond what was allowed.
  task::Task<Result<std::string>> read_some_body(Deadline until);
  /// Whether the whole request was read: what comes next is another one.
  bool at_end() const { return parser_ && parser_->complete(); }

  /// `with_body` false: the answer to HEAD.
  task::Task<Status> reply(Reply reply, bool keep_alive, bool with_body);
  /// Before closing after a reply to a request that was not read whole: takes what still comes, for a moment, or the
  /// reset of the connection would overtake the reply.
  task::Task<void> linger();
  /// A reply of unknown length, in chunks, the last one empty; or for those who know no chunks, until the connection
  /// ends.
  task::Task<Status> begin_chunks(const Reply& head, bool keep_alive, bool chunked);
  task::Task<Status> write_chunk(std::string chunk);

  /// To another protocol; `headers` as in Reply.
  task::Task<Status> upgrade(const char* protocol, std::vector<std::pair<std::string, std::string>> headers);
  /// What had come behind the request; from then on the stream is the caller's.
  std::string take_rest();
  const env::StreamPtr& stream() const { return stream_; }

 private:
  task::Task<Status> feed_more(Deadline until);
  task::Task<Status> write(std::string text);

  task::Context& context_;
  env::StreamPtr stream_;
  std::shared_ptr<Block> block_;
  std::size_t size_;
  std::size_t begin_ = 0;  // of what is not parsed yet, in the block
  std::size_t end_ = 0;
  bool readable_ = true;  // the last read brought something, and nobody else reads
  bool broken_ = false;   // a write failed: it may still be under way
  bool chunked_ = true;
  bool stuck_ = false;  // the parser wants more before it takes anything
  std::unique_ptr<HttpParser> parser_;
};

const char* reason_of(int status);

}  // namespace chronik::admin
