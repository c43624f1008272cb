// MachineDisk: operations in flight, stalls and the crash.
#include "sim/sim_disk.h"

#include <utility>

#include "sim/process.h"
#include "sim/sim_file.h"
#include "sim/world.h"

namespace chronik::sim {

Prng& MachineDisk::chance() {
  return machine_.world().chance();
}

void MachineDisk::submit(SimLoop& loop, Duration low, Duration high, std::unique_ptr<Operation> operation) {
  const std::uint64_t id = ++operations_;
  in_flight_.emplace(id, InFlight{&loop, std::move(operation)});
  schedule(id, loop, machine_.world().delay(low, high));
}

void MachineDisk::schedule(std::uint64_t id, SimLoop& loop, Duration after) {
  loop.process().deliver(loop, machine_.world().now() + after, EventKind::disk, [this, id] { complete(id); });
}

void MachineDisk::complete(std::uint64_t id) {
  if (faults_.stalled) {
    held_.push_back(id);
    return;
  }
  const auto found = in_flight_.find(id);
  const auto operation = std::move(found->second.operation);
  in_flight_.erase(found);
  operation->complete();
}

void MachineDisk::faults_changed() {
  if (faults_.stalled) return;
  for (const std::uint64_t id : std::exchange(held_, {})) {
    schedule(id, *in_flight_.at(id).loop, machine_.world().delay(20us, 100us));
  }
}

void MachineDisk::crash() {
  const std::uint64_t die = chance().below(4);
  const Loss loss = die == 0 ? Loss::nothing : die == 1 ? Loss::everything : Loss::by_chance;
  crashing_ = true;
  for (const auto& [id, flight] : in_flight_) {
    if (chance().chance(1, 2)) flight.operation->perform();
  }
  crashing_ = false;
  image_.crash(loss, chance());
  abandon();
}

void MachineDisk::abandon() {
  held_.clear();
  for (auto& [id, flight] : std::exchange(in_flight_, {})) {
    machine_.world().bury([operation = std::move(flight.operation)] {});
  }
}

}  // namespace chronik::sim
