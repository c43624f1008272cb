#include "apps/cli/session.h"

#include "env/real/host.h"

namespace chronik::cli {

namespace {

struct Outcome {
  Status status;
  env::Host* host;
};

task::Task<Status> connect_and_run(task::Context& context, const Common& common,
                                   const std::function<task::Task<Status>(Session&)>& body) {
  const Deadline until = context.after(std::chrono::milliseconds(static_cast<std::int64_t>(common.timeout_s * 1000)));
  CO_TRY(const env::Address address, env::Address::parse(common.bootstrap));
  auto connection = co_await client::Connection::open(context, address, "chronik-cli", until);
  if (!connection) {
    co_return fail(connection.error().code, "cannot reach a broker at " + common.bootstrap + ": " +
                                                connection.error().detail +
                                                " (is it running? --bootstrap names another)");
  }
  Session session{context, *connection, common, until};
  const Status status = co_await body(session);
  session.connection->close();
  co_return status;
}

task::Task<void> run_root(task::Context& context, const Common& common,
                          const std::function<task::Task<Status>(Session&)>& body, Outcome& outcome) {
  outcome.status = co_await connect_and_run(context, common, body);
  outcome.host->stop();
}

}  // namespace

Status with_session(const Common& common, std::function<task::Task<Status>(Session&)> body) {
  TRY(const auto host, env::Host::create({1, env::DiskBackend::thread_pool}));
  task::Context context(host->env(0));
  Outcome outcome{{}, host.get()};
  context.spawn("cli", run_root(context, common, body, outcome));
  host->run();
  context.stop();
  return outcome.status;
}

Status broker_status(wire::ErrorCode code, const std::string& about, const std::optional<std::string>& message) {
  if (code == wire::ErrorCode::none) return {};
  std::string detail = about + ": " + std::string(wire::to_string(code));
  if (message && !message->empty()) detail += " (" + *message + ")";
  return fail(Errc::invalid_argument, std::move(detail));
}

}  // namespace chronik::cli
