// `produce`: load by librdkafka (or the raw client), then reconciliation of what was acknowledged with what is there.
#include <fmt/format.h>

#include <cstdio>

#include "apps/bench/clock.h"
#include "apps/bench/commands.h"
#include "apps/bench/fleet.h"
#include "apps/bench/verify.h"

namespace chronik::bench {
namespace {

constexpr std::size_t kLinesMax = 50;

Json reconciliation_json(const Reconciliation& outcome, Verify how) {
  return {{"how", how == Verify::full ? "full" : "offsets"},
          {"acked", outcome.acked},
          {"uncertain", outcome.uncertain},
          {"in_log", outcome.in_log},
          {"read", outcome.read},
          {"mismatches", outcome.mismatches.size()}};
}

void print_mismatches(const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < std::min(lines.size(), kLinesMax); ++i) fmt::print(stderr, "mismatch: {}\n", lines[i]);
  if (lines.size() > kLinesMax) fmt::print(stderr, "mismatch: and {} more\n", lines.size() - kLinesMax);
}

}  // namespace

Status run_produce(const ProduceOptions& options) {
  const auto& load = options.load;
  TRY(const int partitions, prepare_topic(options.connection, load));
  std::vector<PartitionRange> before;
  if (options.verify != Verify::none) {
    TRY(before, partition_ranges(options.connection, load.topic, partitions));
  }
  TRY(auto fleet, Fleet::make(options.connection, load, partitions));
  const auto cpu_before = cpu_seconds();
  Progress progress("acked", [&] { return fleet->totals(); }, options.output.quiet);
  fleet->start();
  fleet->wait();
  progress.stop();

  Json result = {{"command", "produce"}, {"bootstrap", options.connection.bootstrap}};
  result.update(fleet->summary());
  result["cpu_seconds"] = cpu_seconds() - cpu_before;
  Result<Reconciliation> outcome;
  if (options.verify != Verify::none) {
    if (!options.output.quiet) fmt::print(stderr, "reading back\n");
    outcome = reconcile(fleet->run(), fleet->clients(), before, options.verify);
    result["verify"] = outcome ? reconciliation_json(*outcome, options.verify) : Json(outcome.error().message());
  }
  result["series"] = series_json(progress.series());
  TRY_STATUS(emit(result, options.output));
  if (!outcome) return fail(outcome.error().code, "cannot reconcile: " + outcome.error().detail);
  print_mismatches(outcome->mismatches);
  const auto lost = outcome->mismatches.size();
  // With acks=0 the broker promised nothing: what is missing is told, but is no failure of the run.
  if (lost > 0 && load.acks != "0") return fail(Errc::corrupt, fmt::format("reconciliation: {} mismatches", lost));
  return fleet->status();
}

}  // namespace chronik::bench
