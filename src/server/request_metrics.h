// What one shard counts about requests and connections.
#pragma once

#include <array>
#include <map>

#include "task/metrics.h"
#include "wire/api.h"

namespace chronik::server {

class RequestMetrics {
 public:
  explicit RequestMetrics(task::Metrics& metrics);

  void request(wire::ApiKey key, Duration took);
  /// Answered partitions with an error, by Kafka's code.
  void error() { errors_.add(); }
  void received(std::size_t bytes) { bytes_in_.add(bytes); }
  void sent(std::size_t bytes) { bytes_out_.add(bytes); }
  void connection_refused() { refused_.add(); }
  void malformed() { malformed_.add(); }
  void damaged() { damaged_.add(); }

 private:
  struct PerApi {
    task::Counter* requests = nullptr;
    task::Histogram* microseconds = nullptr;
  };
  std::map<wire::ApiKey, PerApi> apis_;
  task::Counter& errors_;
  task::Counter& bytes_in_;
  task::Counter& bytes_out_;
  task::Counter& refused_;
  task::Counter& malformed_;
  task::Counter& damaged_;
};

}  // namespace chronik::server
