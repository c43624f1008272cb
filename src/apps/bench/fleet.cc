// See fleet.h.
#include "apps/bench/fleet.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/bench/clock.h"
#include "apps/bench/stamp.h"

namespace chronik::bench {
namespace {

/// Does not compress, so that codecs are measured on the worst case.
std::string incompressible(std::size_t size, std::uint64_t seed) {
  Prng prng(seed);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(prng.next());
  return bytes;
}

}  // namespace

Fleet::Fleet(const Connection& connection, const Workload& load, int partitions)
    : run_{connection, load, 0, partitions, 0, 0, {}} {
  run_.id = static_cast<std::uint32_t>(Prng(static_cast<std::uint64_t>(now_ns())).next());
  run_.filler = incompressible(load.size, run_.id);
}

Result<std::unique_ptr<Fleet>> Fleet::make(const Connection& connection, const Workload& load, int partitions) {
  std::unique_ptr<Fleet> fleet(new Fleet(connection, load, partitions));
  for (int i = 0; i < load.clients; ++i) {
    auto client = load.raw_client ? make_raw_client(fleet->run_, i) : make_rdkafka_client(fleet->run_, i);
    if (!client) return fail(std::move(client).error());
    fleet->clients_.push_back(*std::move(client));
  }
  return fleet;
}

void Fleet::start() {
  run_.start_ns = now_ns();
  run_.end_ns = run_.load.records > 0 ? INT64_MAX : run_.start_ns + static_cast<std::int64_t>(run_.load.seconds * 1e9);
  for (auto& client : clients_) senders_.emplace_back([&client] { client->run_sender(); });
}

void Fleet::wait() {
  for (auto& sender : senders_) sender.join();
  senders_.clear();
}

Totals Fleet::totals() const {
  Totals totals;
  for (const auto& client : clients_) {
    totals.records += client->record.acked_count.load();
    totals.errors += client->record.failed_count.load();
    totals.latency += client->record.latency.snapshot();
  }
  return totals;
}

double Fleet::elapsed_s() const {
  auto last = run_.start_ns;
  for (const auto& client : clients_) last = std::max(last, client->record.last_ack_ns.load());
  return static_cast<double>(last - run_.start_ns) / 1e9;
}

std::map<std::string, std::uint64_t> Fleet::errors() const {
  std::map<std::string, std::uint64_t> sums;
  for (const auto& client : clients_) {
    for (const auto& [why, count] : client->record.errors) sums[why] += count;
  }
  return sums;
}

Status Fleet::status() const {
  const auto sums = totals();
  const auto reasons = errors();
  if (!reasons.empty()) {
    const auto& most = *std::ranges::max_element(reasons, {}, [](const auto& reason) { return reason.second; });
    return fail(Errc::timed_out, fmt::format("{} records were not acknowledged, mostly: {}", sums.errors, most.first));
  }
  if (sums.records == 0) return fail(Errc::timed_out, "no record was acknowledged");
  return {};
}

Json Fleet::summary() const {
  const auto sums = totals();
  const auto seconds = std::max(elapsed_s(), 1e-9);
  std::uint64_t sent = 0;
  for (const auto& client : clients_) {
    for (const auto& partition : client->record.ledger) sent += partition.sent;
  }
  const auto rate = static_cast<double>(sums.records) / seconds;
  Json result = workload_json(run_.load);
  result["partitions"] = run_.partitions;
  result["sent"] = sent;
  result["acked"] = sums.records;
  result["failed"] = sums.errors;
  if (const auto reasons = errors(); !reasons.empty()) result["errors"] = reasons;
  result["seconds"] = seconds;
  result["records_per_s"] = rate;
  result["mb_per_s"] = rate * static_cast<double>(run_.load.size) / 1e6;
  if (run_.load.rounds) result["rounds_per_s"] = rate / run_.partitions;
  result["publish_latency_us"] = latency_json(sums.latency);
  return result;
}

}  // namespace chronik::bench
