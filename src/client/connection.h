// Connection: one connection of the small client. Requests may be pipelined; answers are matched in order, as the
// protocol has them. A late, malformed or unexpected answer ends the connection, and with it everything in flight
// (unreachable).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "env/env.h"
#include "task/event.h"
#include "wire/header.h"

namespace chronik::client {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Connects and asks for the broker's API versions.
  static task::Task<Result<std::shared_ptr<Connection>>> open(task::Context& context, env::Address to,
                                                              std::string client_id, Deadline until);
  ~Connection();

  /// The highest version both sides know; unsupported if there is none.
  Result<std::int16_t> version(wire::ApiKey key) const;

  /// Sends at the negotiated version, or at `version` if given, and waits for the answer. timed_out leaves the
  /// request's fate open and ends the connection.
  template <class Request>
  task::Task<Result<typename Request::Response>> call(Request request, Deadline until, std::int16_t version = -1) {
    if (version < 0) {
      CO_TRY(version, this->version(Request::kSchema.key));
    }
    const std::int32_t correlation = next_correlation_;
    CO_TRY(auto frame, wire::encode_request(correlation, client_id_, request, version));
    ++next_correlation_;
    CO_TRY(const Buffer body, co_await exchange(std::move(frame), Request::kSchema.key, version, correlation, until));
    co_return wire::decode<typename Request::Response>(body, version);
  }
  /// The same for a request that is not answered (produce with acks=0).
  template <class Request>
  task::Task<Status> send_only(Request request, Deadline until) {
    CO_TRY(const std::int16_t version, this->version(Request::kSchema.key));
    const std::int32_t correlation = next_correlation_;
    CO_TRY(auto frame, wire::encode_request(correlation, client_id_, request, version));
    ++next_correlation_;
    co_return co_await send(std::move(frame), correlation, until);
  }

  void close();
  bool closed() const { return closed_; }
  std::size_t in_flight() const { return pending_.size(); }

 private:
  struct Pending {
    explicit Pending(task::Context& context) : answered(context) {}
    wire::ApiKey key = wire::ApiKey::none;
    std::int16_t version = 0;
    std::int32_t correlation = 0;
    task::Event answered;
    std::optional<Result<Buffer>> body;
  };

  Connection(task::Context& context, env::StreamPtr stream, std::string client_id);
  /// Frames leave in the order of their correlation ids, which is the order of pending_.
  task::Task<Status> send(std::vector<Buffer> frame, std::int32_t correlation, Deadline until);
  task::Task<Result<Buffer>> exchange(std::vector<Buffer> frame, wire::ApiKey key, std::int16_t version,
                                      std::int32_t correlation, Deadline until);
  static task::Task<void> read_answers(std::shared_ptr<Connection> self);
  task::Task<Result<Buffer>> read_frame();
  task::Task<Status> read_exactly(std::shared_ptr<Block> block, std::size_t length);
  void fail_all(const Error& error);

  task::Context& context_;
  env::StreamPtr stream_;
  std::string client_id_;
  std::int32_t next_correlation_ = 1;
  std::map<wire::ApiKey, std::pair<std::int16_t, std::int16_t>> versions_;
  std::deque<std::shared_ptr<Pending>> pending_;
  task::Event sent_;
  std::int32_t next_to_send_ = 1;
  bool sending_ = false;
  bool closed_ = false;
};
using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace chronik::client
