// See reader.h.
#include "apps/bench/reader.h"

#include <algorithm>
#include <array>

namespace chronik::bench {
namespace {

constexpr std::size_t kBatch = 1000;
/// Pre-fetched at most, over all partitions. For the simple consumer the limit holds for each one.
constexpr int kPrefetchKbytes = 262144;
constexpr int kPrefetchPartitionKbytes = 2048;

/// librdkafka leaves a partition whose queue is full out of the next fetch, which then waits for the others in vain;
/// and it lowers fetch.max.bytes to the queue's limit, so that a fetch serves a single partition.
void tune(KafkaConfig& config, Purpose purpose) {
  config.set("fetch.max.bytes", "52428800");
  if (purpose == Purpose::catch_up) config.set("fetch.wait.max.ms", "20");
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::assigned(const Connection& connection, const std::string& topic,
                                                 const std::vector<Assignment>& partitions, Purpose purpose) {
  const int count = std::max(1, static_cast<int>(partitions.size()));
  const int each = std::clamp(kPrefetchKbytes / count, kPrefetchPartitionKbytes, 65536);
  KafkaConfig config(connection);
  tune(config, purpose);
  config.set("enable.partition.eof", "true")
      .set("check.crcs", "true")
      .set("auto.offset.reset", "error")
      .set("queued.max.messages.kbytes", std::to_string(each));
  std::unique_ptr<Reader> reader(new Reader);
  TRY(reader->kafka_, config.create(RD_KAFKA_CONSUMER));
  reader->topic_.reset(rd_kafka_topic_new(reader->kafka_.get(), topic.c_str(), nullptr));
  reader->queue_.reset(rd_kafka_queue_new(reader->kafka_.get()));
  for (const auto& want : partitions) {
    if (rd_kafka_consume_start_queue(reader->topic_.get(), want.partition, want.from, reader->queue_.get()) != 0) {
      return fail(kafka_error(rd_kafka_last_error(), "reading partition " + std::to_string(want.partition)));
    }
    reader->started_.push_back(want);
  }
  return reader;
}

Result<std::unique_ptr<Reader>> Reader::grouped(const Connection& connection, const std::string& topic,
                                                const std::string& group) {
  KafkaConfig config(connection);
  tune(config, Purpose::catch_up);
  config.set("group.id", group)
      .set("enable.partition.eof", "true")
      .set("check.crcs", "true")
      .set("auto.offset.reset", "earliest")
      .set("enable.auto.commit", "false")
      .set("queued.max.messages.kbytes", std::to_string(kPrefetchKbytes));
  std::unique_ptr<Reader> reader(new Reader);
  reader->grouped_ = true;
  TRY(reader->kafka_, config.create(RD_KAFKA_CONSUMER));
  rd_kafka_poll_set_consumer(reader->kafka_.get());
  reader->queue_.reset(rd_kafka_queue_get_consumer(reader->kafka_.get()));
  Owned<rd_kafka_topic_partition_list_t> topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  const auto code = rd_kafka_subscribe(reader->kafka_.get(), topics.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "subscribing to " + topic));
  return reader;
}

Reader::~Reader() {
  for (const auto& started : started_) rd_kafka_consume_stop(topic_.get(), started.partition);
  if (grouped_ && kafka_) rd_kafka_consumer_close(kafka_.get());
  queue_.reset();
  topic_.reset();
}

std::size_t Reader::poll(int timeout_ms, const OnMessage& on_message) {
  rd_kafka_message_t* first = rd_kafka_consume_queue(queue_.get(), timeout_ms);
  if (first == nullptr) return 0;
  on_message(*first);
  rd_kafka_message_destroy(first);
  // With a time-out this call would wait for a full batch.
  std::array<rd_kafka_message_t*, kBatch> batch;
  const auto more = rd_kafka_consume_batch_queue(queue_.get(), 0, batch.data(), batch.size());
  if (more <= 0) return 1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(more); ++i) {
    on_message(*batch[i]);
    rd_kafka_message_destroy(batch[i]);
  }
  return 1 + static_cast<std::size_t>(more);
}

}  // namespace chronik::bench
