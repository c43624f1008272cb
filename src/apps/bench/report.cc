// See report.h.
#include "apps/bench/report.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <fstream>

namespace chronik::bench {
namespace {

double micros(double ns) {
  return std::round(ns / 100.0) / 10.0;
}

bool is_latency(const Json& value) {
  return value.is_object() && value.contains("p999");
}

std::string scalar_text(const Json& value) {
  if (value.is_number_float()) return fmt::format("{:.2f}", value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

void print_text(const Json& result, const std::string& prefix) {
  for (const auto& [key, value] : result.items()) {
    if (key == "series") continue;
    const auto name = prefix.empty() ? key : prefix + "." + key;
    if (is_latency(value)) {
      fmt::print("{:<28} p50 {:.1f}  p90 {:.1f}  p99 {:.1f}  p99.9 {:.1f}  max {:.1f}  mean {:.1f}\n", name,
                 value["p50"].get<double>(), value["p90"].get<double>(), value["p99"].get<double>(),
                 value["p999"].get<double>(), value["max"].get<double>(), value["mean"].get<double>());
    } else if (value.is_object()) {
      print_text(value, name);
    } else {
      fmt::print("{:<28} {}\n", name, scalar_text(value));
    }
  }
}

}  // namespace

Json latency_json(const Snapshot& latency) {
  auto at = [&](double q) { return micros(static_cast<double>(latency.quantile(q))); };
  return {{"count", latency.count()},
          {"mean", micros(latency.mean())},
          {"p50", at(0.5)},
          {"p90", at(0.9)},
          {"p99", at(0.99)},
          {"p999", at(0.999)},
          {"max", micros(static_cast<double>(latency.max()))}};
}

Json series_json(const std::vector<Second>& series) {
  Json list = Json::array();
  for (const auto& second : series) {
    list.push_back({{"at_s", second.at_s}, {"rate", std::round(second.rate)}, {"p99_us", second.p99_us}});
  }
  return list;
}

Json workload_json(const Workload& load) {
  return {{"topic", load.topic},
          {"client", load.raw_client ? "raw" : "librdkafka"},
          {"clients", load.clients},
          {"size", load.size},
          {"acks", load.acks},
          {"idempotence", load.idempotence},
          {"compression", load.compression},
          {"rate", load.rate},
          {"rounds", load.rounds},
          {"window", load.window},
          {"in_flight", load.in_flight},
          {"linger_ms", load.linger_ms}};
}

Status emit(const Json& result, const Output& output) {
  if (!output.html.empty()) {
    std::ofstream file(output.html);
    file << html_page(result);
    if (!file.flush()) return fail(Errc::permission_denied, "cannot write " + output.html);
  }
  if (output.json) {
    fmt::print("{}\n", result.dump());
  } else {
    print_text(result, "");
  }
  std::fflush(stdout);
  return {};
}

}  // namespace chronik::bench
