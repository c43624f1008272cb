// chronik produce and consume, on librdkafka: the client that most users have, so what works here works for them.
#include <librdkafka/rdkafka.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"

namespace chronik::cli {

namespace {

constexpr int kPollMs = 100;

volatile std::sig_atomic_t interrupted = 0;

struct Destroy {
  void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

Result<Owned<rd_kafka_t>> make_handle(rd_kafka_type_t type,
                                      const std::vector<std::pair<std::string, std::string>>& settings,
                                      void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*), void* opaque) {
  char why[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      return fail(Errc::invalid_argument, why);
    }
  }
  if (delivered) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_conf_set_opaque(conf, opaque);
  rd_kafka_t* handle = rd_kafka_new(type, conf, why, sizeof why);
  if (!handle) {
    rd_kafka_conf_destroy(conf);
    return fail(Errc::invalid_argument, why);
  }
  return Owned<rd_kafka_t>(handle);
}

struct Delivery {
  std::uint64_t acknowledged = 0;
  std::uint64_t failed = 0;
  std::string first_error;
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& delivery = *static_cast<Delivery*>(opaque);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++delivery.acknowledged;
    return;
  }
  if (delivery.failed++ == 0) delivery.first_error = rd_kafka_err2str(message->err);
}

Status send_line(rd_kafka_t* producer, const Produce& options, const std::string& line) {
  std::string key;
  std::string value = line;
  bool has_key = false;
  if (!options.key_separator.empty()) {
    const auto at = line.find(options.key_separator);
    if (at == std::string::npos)
      return fail(Errc::invalid_argument, "no '" + options.key_separator + "' in the line: " + line);
    key = line.substr(0, at);
    value = line.substr(at + options.key_separator.size());
    has_key = true;
  }
  for (;;) {
    const auto error =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(options.topic.c_str()), RD_KAFKA_V_PARTITION(options.partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value.data(), value.size()),
                          RD_KAFKA_V_KEY(has_key ? key.data() : nullptr, has_key ? key.size() : 0), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(producer, kPollMs);
      continue;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(Errc::invalid_argument, rd_kafka_err2str(error));
    rd_kafka_poll(producer, 0);
    return {};
  }
}

/// The offset to begin at, as librdkafka wants it; timestamps are looked up.
Result<std::int64_t> begin_offset(rd_kafka_t* consumer, const Consume& options, std::int32_t partition,
                                  int timeout_ms) {
  if (options.from == "beginning") return RD_KAFKA_OFFSET_BEGINNING;
  if (options.from == "end") return RD_KAFKA_OFFSET_END;
  const bool by_time = options.from.starts_with('@');
  const std::string digits = options.from.substr(by_time ? 1 : 0);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || value < 0) {
    return fail(Errc::invalid_argument,
                "--from '" + options.from + "' is not beginning, end, an offset or @milliseconds");
  }
  if (!by_time) return value;
  const Owned<rd_kafka_topic_partition_list_t> times(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(times.get(), options.topic.c_str(), partition)->offset = value;
  const auto failed = rd_kafka_offsets_for_times(consumer, times.get(), timeout_ms);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(Errc::unreachable, rd_kafka_err2str(failed));
  return times->elems[0].offset;
}

Result<std::int32_t> assign_all(rd_kafka_t* consumer, const Consume& options, int timeout_ms) {
  const rd_kafka_metadata_t* found = nullptr;
  rd_kafka_topic_t* topic = rd_kafka_topic_new(consumer, options.topic.c_str(), nullptr);
  const auto error = rd_kafka_metadata(consumer, 0, topic, &found, timeout_ms);
  rd_kafka_topic_destroy(topic);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(Errc::unreachable, rd_kafka_err2str(error));
  const std::unique_ptr<const rd_kafka_metadata_t, void (*)(const rd_kafka_metadata_t*)> metadata(
      found, rd_kafka_metadata_destroy);
  if (metadata->topic_cnt != 1 || metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(Errc::not_found, "topic " + options.topic + ": " + rd_kafka_err2str(metadata->topics[0].err));
  }
  const Owned<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
  for (std::int32_t i = 0; i < metadata->topics[0].partition_cnt; ++i) {
    TRY(const std::int64_t offset, begin_offset(consumer, options, i, timeout_ms));
    rd_kafka_topic_partition_list_add(list.get(), options.topic.c_str(), i)->offset = offset;
  }
  const auto assigned = rd_kafka_assign(consumer, list.get());
  if (assigned != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(Errc::invalid_argument, rd_kafka_err2str(assigned));
  return metadata->topics[0].partition_cnt;
}

void print_record(const rd_kafka_message_t& message, bool json) {
  const std::string value(static_cast<const char*>(message.payload), message.payload ? message.len : 0);
  if (!json) {
    std::fwrite(value.data(), 1, value.size(), stdout);
    std::fputc('\n', stdout);
    return;
  }
  nlohmann::ordered_json row{{"partition", message.partition},
                             {"offset", message.offset},
                             {"timestamp", rd_kafka_message_timestamp(&message, nullptr)}};
  row["key"] = nullptr;
  row["value"] = nullptr;
  if (message.key) row["key"] = std::string(static_cast<const char*>(message.key), message.key_len);
  if (message.payload) row["value"] = value;
  std::printf("%s\n", row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

/// Reads until the count, the end of every partition, or an interrupt.
Status read_records(rd_kafka_t* consumer, const Consume& options, std::int32_t partitions, bool json) {
  long long count = 0;
  std::int32_t ended = 0;
  while (!interrupted && (options.count < 0 || count < options.count)) {
    const Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(consumer, kPollMs));
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (options.exit_at_end && ++ended >= partitions) break;
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(Errc::unreachable, rd_kafka_message_errstr(message.get()));
    print_record(*message, json);
    ++count;
  }
  std::fflush(stdout);
  return {};
}

}  // namespace

Status produce(const Common& common, const Produce& options) {
  Delivery delivery;
  const std::string timeout = std::to_string(static_cast<long long>(common.timeout_s * 1000));
  TRY(const auto producer, make_handle(RD_KAFKA_PRODUCER,
                                       {{"bootstrap.servers", common.bootstrap},
                                        {"acks", "all"},
                                        {"enable.idempotence", "true"},
                                        {"compression.codec", options.codec},
                                        {"message.timeout.ms", timeout},
                                        {"log_level", "2"}},
                                       on_delivery, &delivery));
  std::ifstream file;
  if (!options.file.empty()) {
    file.open(options.file);
    if (!file) return fail(Errc::not_found, "cannot read " + options.file);
  }
  std::istream& input = options.file.empty() ? std::cin : file;
  std::string line;
  while (std::getline(input, line)) TRY_STATUS(send_line(producer.get(), options, line));
  rd_kafka_flush(producer.get(), static_cast<int>(common.timeout_s * 1000) + kPollMs);
  const auto left = static_cast<std::uint64_t>(rd_kafka_outq_len(producer.get()));
  if (common.json) {
    std::printf("{\"acknowledged\": %llu, \"failed\": %llu}\n", static_cast<unsigned long long>(delivery.acknowledged),
                static_cast<unsigned long long>(delivery.failed + left));
  } else {
    std::fprintf(stderr, "%llu acknowledged\n", static_cast<unsigned long long>(delivery.acknowledged));
  }
  if (delivery.failed + left == 0) return {};
  const std::string why = delivery.first_error.empty() ? "no answer in time" : delivery.first_error;
  return fail(Errc::timed_out, std::to_string(delivery.failed + left) + " record(s) failed: " + why);
}

Status consume(const Common& common, const Consume& options) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  const bool grouped = !options.group.empty();
  TRY(const auto consumer, make_handle(RD_KAFKA_CONSUMER,
                                       {{"bootstrap.servers", common.bootstrap},
                                        {"group.id", grouped ? options.group : "chronik-cli"},
                                        {"enable.auto.commit", grouped ? "true" : "false"},
                                        {"enable.partition.eof", "true"},
                                        {"auto.offset.reset", options.from == "end" ? "latest" : "earliest"},
                                        {"log_level", "2"}},
                                       nullptr, nullptr));
  rd_kafka_poll_set_consumer(consumer.get());
  std::int32_t partitions = 1;
  if (grouped) {
    const Owned<rd_kafka_topic_partition_list_t> topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), options.topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(consumer.get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(Errc::invalid_argument, rd_kafka_err2str(error));
  } else {
    TRY(partitions, assign_all(consumer.get(), options, static_cast<int>(common.timeout_s * 1000)));
  }
  const Status status = read_records(consumer.get(), options, partitions, common.json || options.format == "json");
  rd_kafka_consumer_close(consumer.get());
  return status;
}

}  // namespace chronik::cli
