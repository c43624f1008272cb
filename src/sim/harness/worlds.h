// Kinds of worlds: what its clients do and which faults it knows, each with its share. The default mixes everything;
// the others dwell on one thing.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sim/harness/faults.h"

namespace chronik::sim {

/// Workloads of one client process.
struct Mix {
  int producers = 3;
  int readers = 3;
  int members = 1;               // of the consumer group
  int consumers = 1;             // of a group of the new protocol
  int bulk = 1;                  // producers of large batches; client 0 only
  std::uint64_t rare_parts = 2;  // each rare workload (rare_workloads) runs on one client in so many
};

struct WorldKind {
  std::string_view name;
  std::string_view about;
  FaultWeights faults;  // 0: never
  double fault_factor = 1;
  Mix mix = {};
};

std::span<const WorldKind> world_kinds();
/// Null if there is none of this name.
const WorldKind* find_world(std::string_view name);
/// Not a kind, but each of them in turn, by seed.
inline constexpr std::string_view kEveryWorld = "all";
const WorldKind* world_of(std::string_view name, std::uint64_t seed);

}  // namespace chronik::sim
