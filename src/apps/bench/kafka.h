// librdkafka handles with owners, and the one way to configure them: our common settings, then the caller's, then those
// of --set, so that the command line always wins.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <string_view>

#include "apps/bench/options.h"
#include "base/result.h"

namespace chronik::bench {

struct KafkaDeleter {
  void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
template <class T>
using Owned = std::unique_ptr<T, KafkaDeleter>;
using Kafka = Owned<rd_kafka_t>;

class KafkaConfig {
 public:
  explicit KafkaConfig(const Connection& connection);

  /// The first refused key or value is remembered and returned by create().
  KafkaConfig& set(std::string_view key, std::string_view value);
  /// For callbacks and the opaque pointer they get.
  rd_kafka_conf_t* raw() { return conf_.get(); }

  /// Consumes the configuration.
  Result<Kafka> create(rd_kafka_type_t type);

 private:
  const Connection& connection_;
  Owned<rd_kafka_conf_t> conf_;
  std::string refused_;
};

/// "what: reason" as a single line.
Error kafka_error(rd_kafka_resp_err_t code, std::string_view what);

}  // namespace chronik::bench
