// A consumer on librdkafka, with assigned partitions or in a group: hands over messages in batches, as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/bench/kafka.h"

namespace chronik::bench {

enum class Purpose {
  catch_up,  // read what is there: never wait long for one partition while others have data
  tail,      // wait for what comes: long polls, librdkafka's defaults
};

struct Assignment {
  int partition;
  std::int64_t from;  // first offset to read
};

class Reader {
 public:
  using OnMessage = std::function<void(const rd_kafka_message_t&)>;

  /// Without a group: librdkafka's simple consumer, so that no coordinator takes part.
  static Result<std::unique_ptr<Reader>> assigned(const Connection& connection, const std::string& topic,
                                                  const std::vector<Assignment>& partitions, Purpose purpose);
  /// Joins `group`; starts at the beginning where the group has no committed offset, and commits nothing.
  static Result<std::unique_ptr<Reader>> grouped(const Connection& connection, const std::string& topic,
                                                 const std::string& group);
  ~Reader();

  /// Waits up to `timeout_ms` for the first message, then takes what else has arrived. Messages with `err` set report
  /// the end of a partition (RD_KAFKA_RESP_ERR__PARTITION_EOF) or an error. Returns how many were handed over.
  std::size_t poll(int timeout_ms, const OnMessage& on_message);

 private:
  Reader() = default;

  Kafka kafka_;
  Owned<rd_kafka_topic_t> topic_;  // assigned only
  Owned<rd_kafka_queue_t> queue_;
  std::vector<Assignment> started_;
  bool grouped_ = false;
};

}  // namespace chronik::bench
