// One connection to a broker for the duration of one command: a loop of the real host, a deadline over everything.
#pragma once

#include <functional>
#include <string>

#include "client/connection.h"
#include "wire/errors.h"

namespace chronik::cli {

/// What every command takes.
struct Common {
  std::string bootstrap = "127.0.0.1:9092";
  double timeout_s = 30;
  bool json = false;
};

struct Session {
  task::Context& context;
  client::ConnectionPtr connection;
  const Common& common;
  Deadline until;

  template <class Request>
  task::Task<Result<typename Request::Response>> call(Request request) {
    return connection->call(std::move(request), until);
  }
};

/// Connects to the bootstrap address and runs `body`; the result is the body's, or why there was no connection.
Status with_session(const Common& common, std::function<task::Task<Status>(Session&)> body);

/// The error a broker answered, as this program reports it: code's name and the broker's message.
Status broker_status(wire::ErrorCode code, const std::string& about, const std::optional<std::string>& message = {});

}  // namespace chronik::cli
