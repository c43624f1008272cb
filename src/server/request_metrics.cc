#include "server/request_metrics.h"

namespace chronik::server {

RequestMetrics::RequestMetrics(task::Metrics& metrics)
    : errors_(metrics.counter("chronik_request_errors_total", "Requests or partitions answered with an error")),
      bytes_in_(metrics.counter("chronik_received_bytes_total", "Bytes of request frames")),
      bytes_out_(metrics.counter("chronik_sent_bytes_total", "Bytes of response frames")),
      refused_(metrics.counter("chronik_connections_refused_total", "Connections closed at once: max.connections")),
      malformed_(metrics.counter("chronik_malformed_requests_total", "Connections closed for a malformed request")),
      damaged_(metrics.counter("chronik_damaged_reads_total", "Reads that met damaged data on disk")) {
  for (const wire::ApiInfo& api : wire::kApis) {
    const task::Labels labels{{"api", std::string(api.name)}};
    apis_[api.key] = {
        &metrics.counter("chronik_requests_total", "Requests served", labels),
        &metrics.histogram("chronik_request_microseconds", "From the last byte of a request to its answer", labels)};
  }
}

void RequestMetrics::request(wire::ApiKey key, Duration took) {
  const auto found = apis_.find(key);
  if (found == apis_.end()) return;
  found->second.requests->add();
  found->second.microseconds->record(took);
}

}  // namespace chronik::server
