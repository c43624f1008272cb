#include "sim/harness/worlds.h"

#include <algorithm>

namespace chronik::sim {

namespace {

using enum FaultKind;

constexpr FaultWeights weigh(std::initializer_list<std::pair<FaultKind, std::uint64_t>> some) {
  FaultWeights weights{};
  for (const auto& [kind, weight] : some) weights[static_cast<std::size_t>(kind)] = weight;
  return weights;
}

// Rough ones are rare, or nothing else would get its turn. The last fault of a world may be damage: FaultPlan::draw.
constexpr WorldKind kKinds[] = {
    {.name = "default",
     .about = "everything, in proportion",
     .faults = weigh({{kill, 8},
                      {kill_in_action, 2},
                      {stall, 14},
                      {fail_writes, 2},
                      {fail_syncs, 2},
                      {fail_reads, 4},
                      {full, 5},
                      {few_files, 4},
                      {kill_client, 10},
                      {cut, 25},
                      {clog, 22},
                      {pause, 4},
                      {clock, 3},
                      {clock_strobe, 2},
                      {clock_drift, 2}})},
    {.name = "disk",
     .about = "stalls, failures, a full disk, too few descriptors",
     .faults = weigh({{kill, 4},
                      {kill_in_action, 3},
                      {stall, 30},
                      {fail_writes, 6},
                      {fail_syncs, 6},
                      {fail_reads, 12},
                      {full, 20},
                      {few_files, 15}}),
     .mix = {.bulk = 2}},
    {.name = "network",
     .about = "resets and clogs, many reconnections",
     .faults = weigh({{kill, 2}, {kill_client, 15}, {cut, 50}, {clog, 45}}),
     .fault_factor = 2},
    {.name = "process",
     .about = "power cuts at any moment, other shard counts, pauses, clocks that jump, flicker and drift",
     .faults = weigh({{kill, 25},
                      {kill_in_action, 20},
                      {pause, 20},
                      {kill_client, 10},
                      {clock, 8},
                      {clock_strobe, 8},
                      {clock_drift, 8}}),
     .fault_factor = 0.5},
    {.name = "groups",
     .about = "many members that come and go, and an administrator of groups",
     .faults = weigh({{kill, 6}, {stall, 8}, {full, 3}, {kill_client, 25}, {cut, 20}, {clog, 15}, {pause, 5}}),
     .mix = {.producers = 1, .readers = 1, .members = 3, .consumers = 3, .bulk = 0, .rare_parts = 1}},
    {.name = "retention",
     .about = "much data, little of it kept: segments roll and go, clocks jump",
     .faults = weigh({{kill, 6},
                      {kill_in_action, 6},
                      {stall, 6},
                      {full, 6},
                      {few_files, 4},
                      {cut, 5},
                      {clock, 5},
                      {clock_drift, 5}}),
     .mix = {.bulk = 4}},
};

}  // namespace

std::span<const WorldKind> world_kinds() {
  return kKinds;
}

const WorldKind* find_world(std::string_view name) {
  const auto* const found = std::ranges::find(kKinds, name, &WorldKind::name);
  return found == std::end(kKinds) ? nullptr : found;
}

const WorldKind* world_of(std::string_view name, std::uint64_t seed) {
  return name == kEveryWorld ? &kKinds[seed % std::size(kKinds)] : find_world(name);
}

}  // namespace chronik::sim
