// What runs on one client process of a world: the same in the simulation and against a real server.
#pragma once

#include "sim/harness/workloads.h"
#include "sim/harness/worlds.h"

namespace chronik::sim {

/// Counts what must be unique in a world, across client processes and their restarts.
struct Numbers {
  std::uint64_t producers = 0;
  std::uint64_t owners = 0;
};

/// Starts the workloads of client process number `which` on its context.
void populate(const ClientKit& kit, const Mix& mix, std::size_t which, Numbers& numbers);

}  // namespace chronik::sim
