#include "admin/exposition.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

namespace chronik::admin {

namespace {

constexpr Duration kTurn =
    std::chrono::seconds(1);  // a wait that is due may still have to wait for its turn of the loop

double milliseconds(Duration span) {
  return static_cast<double>(span.count()) / 1e6;
}

prometheus::ClientMetric to_metric(const task::Sample& sample, std::size_t shard) {
  prometheus::ClientMetric metric;
  metric.label.push_back({"shard", std::to_string(shard)});
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  switch (sample.kind) {
    case task::MetricKind::counter:
      metric.counter.value = sample.value;
      break;
    case task::MetricKind::gauge:
      metric.gauge.value = sample.value;
      break;
    case task::MetricKind::histogram: {
      metric.histogram.sample_count = sample.histogram.count();
      metric.histogram.sample_sum = static_cast<double>(sample.histogram.sum());
      std::uint64_t cumulative = 0;
      double bound = 1;
      for (const std::uint64_t count : sample.histogram.buckets()) {
        cumulative += count;
        metric.histogram.bucket.push_back({cumulative, bound});
        bound *= 2;
      }
      break;
    }
  }
  return metric;
}

prometheus::MetricType to_type(task::MetricKind kind) {
  switch (kind) {
    case task::MetricKind::counter:
      return prometheus::MetricType::Counter;
    case task::MetricKind::gauge:
      return prometheus::MetricType::Gauge;
    case task::MetricKind::histogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

}  // namespace

std::string to_prometheus(const std::vector<ShardReport>& reports) {
  std::map<std::string, prometheus::MetricFamily> families;
  const auto gauge = [&](const std::string& name, const std::string& help, std::size_t shard, double value) {
    auto& family = families[name];
    family.name = name;
    family.help = help;
    family.type = prometheus::MetricType::Gauge;
    prometheus::ClientMetric metric;
    metric.label.push_back({"shard", std::to_string(shard)});
    metric.gauge.value = value;
    family.metric.push_back(std::move(metric));
  };
  for (const ShardReport& report : reports) {
    gauge("chronik_shard_up", "1 if the shard answered the scrape in time", report.shard, report.answered ? 1 : 0);
    if (!report.answered) continue;
    for (const task::Sample& sample : report.samples) {
      auto& family = families[sample.name];
      family.name = sample.name;
      family.help = sample.help;
      family.type = to_type(sample.kind);
      family.metric.push_back(to_metric(sample, report.shard));
    }
    const double oldest = report.waits.empty() ? 0 : milliseconds(report.waits.front().age) / 1e3;
    double overdue = 0;
    for (const task::InFlight& wait : report.waits) overdue += wait.left < -kTurn ? 1 : 0;
    gauge("chronik_waits", "Coroutines waiting", report.shard, static_cast<double>(report.waits.size()));
    gauge("chronik_wait_oldest_seconds", "Age of the oldest wait", report.shard, oldest);
    gauge("chronik_waits_overdue", "Waits more than a second past their deadline: a bug", report.shard, overdue);
    gauge("chronik_operations_detached", "Operations given up by their deadline that the kernel still holds",
          report.shard, static_cast<double>(report.detached));
  }
  std::vector<prometheus::MetricFamily> list;
  for (auto& [name, family] : families) list.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(list);
}

std::string to_json(const Health& health) {
  nlohmann::ordered_json json;
  json["status"] = !health.serving ? "stopping" : health.ok() ? "ok" : "degraded";
  json["directories"] = nlohmann::ordered_json::array();
  for (const DirectoryHealth& directory : health.directories) {
    nlohmann::ordered_json row{{"path", directory.path}, {"state", directory.state}};
    if (!directory.detail.empty()) row["detail"] = directory.detail;
    json["directories"].push_back(std::move(row));
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string waits_table(const std::vector<ShardReport>& reports) {
  std::string text = fmt::format("{:>5}  {:>12}  {:>14}  {}\n", "shard", "age ms", "deadline in ms", "what");
  for (const ShardReport& report : reports) {
    if (!report.answered) {
      text += fmt::format("{:>5}  {:>12}  {:>14}  did not answer\n", report.shard, "-", "-");
      continue;
    }
    for (const task::InFlight& wait : report.waits) {
      text += fmt::format("{:>5}  {:>12.1f}  {:>14.1f}  {}\n", report.shard, milliseconds(wait.age),
                          milliseconds(wait.left), wait.what);
    }
    if (report.detached > 0) {
      text += fmt::format("{:>5}  {} operation(s) past their deadline, still held by the kernel\n", report.shard,
                          report.detached);
    }
  }
  return text;
}

std::string waits_json(const std::vector<ShardReport>& reports) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const ShardReport& report : reports) {
    nlohmann::ordered_json row{{"shard", report.shard}, {"answered", report.answered}, {"detached", report.detached}};
    row["waits"] = nlohmann::ordered_json::array();
    for (const task::InFlight& wait : report.waits) {
      row["waits"].push_back(
          {{"what", wait.what}, {"age_ms", milliseconds(wait.age)}, {"deadline_in_ms", milliseconds(wait.left)}});
    }
    json.push_back(std::move(row));
  }
  return json.dump(2) + "\n";
}

}  // namespace chronik::admin
