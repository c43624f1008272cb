// Session: how a simulated client talks to the broker. It connects again when the connection was lost, and holds every
// request to the deadline property: an answer, or the end of the connection, by the request's deadline.
#pragma once

#include <string>

#include "base/prng.h"
#include "client/connection.h"
#include "sim/harness/history.h"
#include "wire/printer.h"

namespace chronik::sim {

/// What every workload of one client process shares.
struct ClientKit {
  task::Context& context;
  History& history;
  Prng& prng;
  env::Address broker;
  std::string name;
  const bool& ending;  // no more new work: the world wants to be quiet
};

class Session {
 public:
  /// Above a request's own deadline: the way there and back, clogged as it may be.
  static constexpr Duration kSlack = 8s;

  explicit Session(ClientKit& kit) : kit_(kit) {}

  /// Connected within the deadline, or the reason why not.
  task::Task<Status> ready();
  /// `limit`: what the broker allows itself for this request.
  template <class Request>
  task::Task<Result<typename Request::Response>> call(Request request, Duration limit, std::int16_t version = -1) {
    CO_TRY_STATUS(co_await ready());
    const client::ConnectionPtr connection = connection_;
    const Instant began = kit_.context.now();
    ++kit_.history.requests;
    auto answer = co_await connection->call(std::move(request), kit_.context.after(limit + kSlack), version);
    if (!answer) {
      if (answer.error().code == Errc::timed_out) broke_deadline(Request::kSchema.key, began);
      lost();
    }
    co_return answer;
  }
  void close();
  bool connected() const { return connection_ && !connection_->closed(); }

 private:
  void broke_deadline(wire::ApiKey key, Instant began);
  void lost();

  ClientKit& kit_;
  client::ConnectionPtr connection_;
};

/// A pause between two attempts, or two pieces of work.
task::Task<void> pause(ClientKit& kit, Duration low, Duration high);

}  // namespace chronik::sim
