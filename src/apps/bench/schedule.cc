// Schedule of client.h: without rounds each client walks over all partitions, clients starting at different ones; in
// rounds client c owns the partitions p with p % clients == c.
#include <algorithm>

#include "apps/bench/client.h"
#include "apps/bench/clock.h"

namespace chronik::bench {

Schedule::Schedule(const Run& run, int client)
    : run_(run),
      client_(client),
      pacing_(run.load.rate / run.load.clients, static_cast<double>(client) / run.load.clients, run.start_ns) {
  const int clients = run.load.clients;
  share_ = static_cast<std::uint64_t>(std::max(0, (run.partitions - client + clients - 1) / clients));
  const auto each = run.load.records / static_cast<std::uint64_t>(clients);
  const auto rest = run.load.records % static_cast<std::uint64_t>(clients);
  quota_ = each + (static_cast<std::uint64_t>(client) < rest ? 1 : 0);
}

bool Schedule::done(std::uint64_t index) const {
  if (run_.load.rounds && share_ == 0) return true;
  if (run_.load.rounds && index % share_ != 0) return false;
  if (run_.load.records > 0) return index >= quota_;
  return (open_loop() ? due(index) : now_ns()) >= run_.end_ns;
}

int Schedule::partition(std::uint64_t index) const {
  if (run_.load.rounds) return client_ + static_cast<int>(index % share_) * run_.load.clients;
  const auto partitions = static_cast<std::uint64_t>(run_.partitions);
  return static_cast<int>((index + static_cast<std::uint64_t>(client_)) % partitions);
}

}  // namespace chronik::bench
