// See kafka.h.
#include "apps/bench/kafka.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

namespace chronik::bench {
namespace {

void log_to_stderr(const rd_kafka_t*, int, const char* facility, const char* text) {
  fmt::print(stderr, "librdkafka: {}: {}\n", facility, text);
}

Errc errc_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return Errc::timed_out;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return Errc::not_found;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return Errc::already_exists;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return Errc::unsupported;
    default:
      return Errc::unreachable;
  }
}

}  // namespace

Error kafka_error(rd_kafka_resp_err_t code, std::string_view what) {
  return {errc_of(code), fmt::format("{}: {}", what, rd_kafka_err2str(code))};
}

KafkaConfig::KafkaConfig(const Connection& connection) : connection_(connection), conf_(rd_kafka_conf_new()) {
  set("bootstrap.servers", connection.bootstrap);
  set("client.id", "chronik-bench");
  // Nagle's algorithm delays small pipelined requests by up to 40 ms, which would measure the client's kernel.
  set("socket.nagle.disable", "true");
  rd_kafka_conf_set_log_cb(raw(), connection.verbose ? log_to_stderr : nullptr);
}

KafkaConfig& KafkaConfig::set(std::string_view key, std::string_view value) {
  std::array<char, 512> why{};
  const std::string name(key);
  const std::string text(value);
  if (rd_kafka_conf_set(raw(), name.c_str(), text.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK &&
      refused_.empty()) {
    refused_ = why.data();
  }
  return *this;
}

Result<Kafka> KafkaConfig::create(rd_kafka_type_t type) {
  for (const auto& property : connection_.properties) {
    const auto equals = property.find('=');
    if (equals == std::string::npos) return fail(Errc::invalid_argument, "--set wants key=value, got: " + property);
    set(property.substr(0, equals), property.substr(equals + 1));
  }
  if (!refused_.empty()) return fail(Errc::invalid_argument, refused_);
  std::array<char, 512> why{};
  rd_kafka_t* handle = rd_kafka_new(type, raw(), why.data(), why.size());
  if (handle == nullptr) return fail(Errc::invalid_argument, why.data());
  static_cast<void>(conf_.release());  // rd_kafka_new took it
  return Kafka(handle);
}

}  // namespace chronik::bench
