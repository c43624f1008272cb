// `create-topic`: how long one CreateTopics takes, and until every partition has a leader. Raw, since a client library
// would add its start and its metadata refreshes.
#include <fmt/format.h>

#include <algorithm>

#include "apps/bench/clock.h"
#include "apps/bench/commands.h"
#include "apps/bench/report.h"
#include "apps/bench/socket.h"
#include "apps/bench/wire.h"

namespace chronik::bench {
namespace {

constexpr int kTimeoutMs = 60'000;

double milliseconds_since(std::int64_t start) {
  return static_cast<double>(now_ns() - start) / 1e6;
}

}  // namespace

Status run_create_topic(const CreateTopicOptions& options) {
  TRY(auto socket, Socket::connect(options.connection.bootstrap, kTimeoutMs));
  const auto start = now_ns();
  const auto deadline = start + std::int64_t{kTimeoutMs} * 1'000'000;
  TRY_STATUS(socket.send_all(create_topic_request(1, options.topic, options.partitions, kTimeoutMs)));
  TRY(const auto created, socket.receive_frame(deadline));
  TRY(const auto error, create_topic_response(created));
  const auto answered_ms = milliseconds_since(start);
  if (error == kTopicAlreadyExists) return fail(Errc::already_exists, "topic " + options.topic);
  if (error != 0) return fail(Errc::unsupported, fmt::format("CreateTopics of {}: error {}", options.topic, error));
  TopicLeaders leaders;
  for (std::int32_t correlation = 2;; ++correlation) {
    TRY_STATUS(socket.send_all(metadata_request(correlation, options.topic)));
    TRY(const auto frame, socket.receive_frame(deadline));
    TRY(leaders, metadata_response(frame));
    if (leaders.error == 0 && leaders.leaderless == 0 && leaders.partitions == options.partitions) break;
    sleep_until_ns(now_ns() + 1'000'000);
  }
  const Json result = {{"command", "create-topic"},
                       {"topic", options.topic},
                       {"partitions", options.partitions},
                       {"answered_ms", answered_ms},
                       {"all_led_ms", milliseconds_since(start)}};
  return emit(result, options.output);
}

}  // namespace chronik::bench
