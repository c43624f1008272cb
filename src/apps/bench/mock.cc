// `mock`: librdkafka's in-memory mock broker as a process of its own: the peer of P1. It keeps the newest 5 MB of each
// partition only, so verify against it by offsets.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>

#include <cstdio>

#include "apps/bench/commands.h"
#include "apps/bench/kafka.h"

namespace chronik::bench {
namespace {

Status create_topics(rd_kafka_mock_cluster_t* cluster, const MockOptions& options) {
  for (const auto& topic : options.topics) {
    const auto colon = topic.rfind(':');
    const auto name = topic.substr(0, colon);
    const int partitions = colon == std::string::npos ? 1 : std::atoi(topic.c_str() + colon + 1);
    if (partitions < 1) return fail(Errc::invalid_argument, "--topic wants NAME:PARTITIONS, got: " + topic);
    const auto code = rd_kafka_mock_topic_create(cluster, name.c_str(), partitions, 1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "topic " + name));
  }
  return {};
}

}  // namespace

Status run_mock(const MockOptions& options) {
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);

  const Connection nowhere;
  KafkaConfig config(nowhere);
  TRY(const auto handle, config.create(RD_KAFKA_PRODUCER));
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(handle.get(), options.brokers);
  if (cluster == nullptr) return fail(Errc::unsupported, "this librdkafka cannot start a mock cluster");
  auto status = create_topics(cluster, options);
  if (status) {
    fmt::print("ready kafka={}\n", rd_kafka_mock_cluster_bootstraps(cluster));
    std::fflush(stdout);
    int signal = 0;
    sigwait(&ending, &signal);
  }
  rd_kafka_mock_cluster_destroy(cluster);
  return status;
}

}  // namespace chronik::bench
