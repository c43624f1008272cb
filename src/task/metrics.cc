#include "task/metrics.h"

namespace chronik::task {

Counter& Metrics::counter(std::string name, std::string help, Labels labels) {
  return entries_
      .emplace_back(Entry{std::move(name), std::move(help), std::move(labels), MetricKind::counter, {}, {}, {}})
      .counter;
}

Histogram& Metrics::histogram(std::string name, std::string help, Labels labels) {
  return entries_
      .emplace_back(Entry{std::move(name), std::move(help), std::move(labels), MetricKind::histogram, {}, {}, {}})
      .histogram;
}

void Metrics::gauge(std::string name, std::string help, std::function<double()> read, Labels labels) {
  entries_.emplace_back(
      Entry{std::move(name), std::move(help), std::move(labels), MetricKind::gauge, {}, {}, std::move(read)});
}

std::vector<Sample> Metrics::snapshot() const {
  std::vector<Sample> samples;
  samples.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    Sample sample{entry.name, entry.help, entry.labels, entry.kind, 0, entry.histogram};
    if (entry.kind == MetricKind::counter) sample.value = static_cast<double>(entry.counter.value());
    if (entry.kind == MetricKind::gauge) sample.value = entry.read();
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace chronik::task
