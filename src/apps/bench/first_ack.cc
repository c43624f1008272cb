// `first-ack`: from the start of a server process to its first acknowledged record, in steps of at most 1 ms, over a
// raw socket: connect, create the topic, produce with acks=all. An existing topic will do, so restarts can be measured
// too.
#include <fmt/format.h>

#include "apps/bench/child.h"
#include "apps/bench/clock.h"
#include "apps/bench/commands.h"
#include "apps/bench/report.h"
#include "apps/bench/socket.h"
#include "apps/bench/wire.h"

namespace chronik::bench {
namespace {

constexpr std::int64_t kStepNs = 500'000;
constexpr int kRequestMs = 5000;
constexpr std::string_view kReady = "ready kafka=";

/// Milestones in ms since the process was started; -1 where it does not apply.
struct Times {
  double ready = -1;
  double connected = -1;
  double topic = -1;
  double acked = -1;
  int uncertain = 0;  // produce requests without an answer: their record may be there too
};

Result<std::string> await_ready(Child& child, std::int64_t deadline) {
  for (;;) {
    TRY(const auto line, child.read_line(deadline));
    if (!line.starts_with(kReady)) continue;
    const auto rest = line.substr(kReady.size());
    return rest.substr(0, rest.find(' '));
  }
}

Result<std::string> ask(Socket& socket, const std::string& request) {
  TRY_STATUS(socket.send_all(request));
  return socket.receive_frame(now_ns() + std::int64_t{kRequestMs} * 1'000'000);
}

/// One attempt at what is still to be done; an error means: try again on a new connection.
Status attempt(const FirstAckOptions& options, const std::string& address, std::int64_t start, std::int64_t deadline,
               Times& times) {
  auto elapsed = [&] { return static_cast<double>(now_ns() - start) / 1e6; };
  TRY(auto socket, Socket::connect(address, kRequestMs));
  times.connected = elapsed();
  std::int32_t correlation = 0;
  while (now_ns() < deadline) {
    if (times.topic < 0) {
      TRY(const auto frame, ask(socket, create_topic_request(++correlation, options.topic, 1, kRequestMs)));
      TRY(const auto error, create_topic_response(frame));
      if (error == 0 || error == kTopicAlreadyExists) times.topic = elapsed();
    }
    if (times.topic >= 0) {
      auto request = produce_request(++correlation, options.topic, -1, kRequestMs, 1);
      append_batch(request, 0, {"the first record"}, 0);
      ++times.uncertain;
      TRY(const auto frame, ask(socket, request.finish()));
      TRY(const auto answer, produce_response(frame));
      --times.uncertain;
      if (answer.size() == 1 && answer[0].error == 0) {
        times.acked = elapsed();
        return {};
      }
    }
    sleep_until_ns(now_ns() + kStepNs);
  }
  return fail(Errc::timed_out, "no acknowledgement");
}

}  // namespace

Status run_first_ack(const FirstAckOptions& options) {
  const bool watched = options.connect.empty();
  const auto start = now_ns();
  const auto deadline = start + std::int64_t{options.timeout_ms} * 1'000'000;
  TRY(auto child, Child::start(options.command, watched));
  Times times;
  auto address = options.connect;
  if (watched) {
    TRY(address, await_ready(child, deadline));
    times.ready = static_cast<double>(now_ns() - start) / 1e6;
  }
  for (;;) {
    const auto status = attempt(options, address, start, deadline, times);
    if (status) break;
    if (child.ended()) return fail(Errc::closed, "the command ended before it acknowledged a record");
    if (now_ns() > deadline) return fail(Errc::timed_out, "no acknowledgement: " + status.error().detail);
    sleep_until_ns(now_ns() + kStepNs);
  }
  Json result = {{"command", "first-ack"}};
  if (watched) result["ready_ms"] = times.ready;
  result["connected_ms"] = times.connected;
  result["topic_ms"] = times.topic;
  result["acked_ms"] = times.acked;
  result["uncertain"] = times.uncertain;
  return emit(result, Output{options.json, true, {}});
}

}  // namespace chronik::bench
