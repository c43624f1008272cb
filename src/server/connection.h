// Connection: one client. A reader takes frames off the socket and starts their handlers in order; a writer sends the
// answers in the same order. Produce lets the next request start once its own order is fixed, so that pipelined
// requests share group commits; every other request runs to its answer first, as in Kafka.
//
// Bounds: pipelined requests by kPipelineMax; memory of a request and of its answer by the shard's budgets, held until
// the answer left; every read and write by a deadline. A frame that is oversized, negative or not a request ends the
// connection with one log line.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "server/request.h"
#include "server/shard_server.h"

namespace chronik::server {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ShardServer& server, env::StreamPtr stream, std::uint64_t id);
  ~Connection();

  /// Until either side ends. Once.
  task::Task<void> run();
  /// Starts no further request; what is in flight is answered, then the connection ends.
  void stop_reading();
  void close();

 private:
  using ExchangePtr = std::shared_ptr<Exchange>;

  task::Task<Result<Buffer>> next_frame();
  task::Task<Status> fill(std::size_t need, Deadline until);
  void make_room(std::size_t need);
  task::Task<void> serve(ExchangePtr exchange, Buffer frame, Instant received);
  task::Task<Status> read_requests();
  task::Task<void> write_answers();
  bool take_ready(std::vector<Buffer>& pieces, std::vector<ExchangePtr>& taken);
  void log_end(const Error& error);

  ShardServer& server_;
  task::Context& context_;
  env::StreamPtr stream_;
  std::uint64_t id_;
  std::string host_;
  std::deque<ExchangePtr> pipeline_;  // requests in order, the oldest unanswered first
  std::size_t unsent_bytes_ = 0;      // of answers
  task::Event changed_;               // pipeline_, unsent_bytes_ or one of the flags
  bool reading_done_ = false;
  bool writer_done_ = false;
  bool stopping_ = false;

  std::shared_ptr<Block> block_;  // received bytes: [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t next_capacity_;
  task::Charge frame_memory_;
};

}  // namespace chronik::server
