// One world from one seed: a broker, clients with real workloads, a fault plan; then peace, and the verdict.
#pragma once

#include <optional>

#include "sim/harness/faults.h"
#include "sim/harness/history.h"
#include "sim/harness/worlds.h"

namespace chronik::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  const WorldKind* kind = find_world("default");
  Duration length = 60s;  // of simulated time under faults
  double faults_per_second = 2.5;
  bool invariants = true;         // look into the rooms, too; a broken one ends the program
  std::optional<FaultPlan> plan;  // instead of the one drawn from the seed
};

struct RunResult {
  std::vector<Violation> violations;
  std::deque<std::string> timeline;
  std::map<std::string, std::uint64_t> states;
  std::map<std::string, std::uint64_t> faults;  // injected, by kind
  FaultPlan plan;
  Duration simulated{};
  std::uint64_t requests = 0;
  std::uint64_t records = 0;  // acknowledged
  std::uint64_t trace_hash = 0;
};

RunResult run_world(const RunOptions& options);

/// The smallest plan found, within `tries` runs, that still violates the property of the first violation.
FaultPlan shrink(const RunOptions& options, const RunResult& failed, int tries);

}  // namespace chronik::sim
