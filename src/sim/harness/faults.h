// The fault plan of a world: drawn from the seed, so that shrinking may drop parts of it and replay the rest.
#pragma once

#include <string>
#include <vector>

#include "base/prng.h"
#include "base/time.h"
#include "sim/harness/broker_node.h"
#include "sim/harness/history.h"

namespace chronik::sim {

enum class FaultKind : std::uint8_t {
  kill,         // the broker loses its power; it starts again after `span`, with `argument` shards
  stall,        // the disk does nothing for `span`
  fail_writes,  // EIO on writes for `span`
  fail_syncs,   // EIO on syncs for `span`
  fail_reads,   // EIO on reads for `span`
  full,         // `argument` KiB of room left, for `span`
  few_files,    // `argument` more files may be opened, for `span`
  kill_client,  // client process number `argument` dies; another takes its place
  cut,          // every connection of client process `argument` is reset
  clog,         // nothing arrives at the broker (argument even) or leaves it (odd) for `span`
  rot,          // as kill, and a byte of an old write-ahead file changes: see BrokerNode::rot
  clock,        // the wall clock of the broker jumps by `argument` - 60,000 ms
};
std::string_view to_string(FaultKind kind);

struct Fault {
  Instant at;
  FaultKind kind = FaultKind::kill;
  Duration span{};
  std::uint64_t argument = 0;
  std::string to_string() const;
};

struct FaultPlan {
  std::vector<Fault> faults;  // by time

  /// About `per_second` faults a second between `from` and `to`.
  static FaultPlan draw(Prng& prng, Instant from, Instant to, double per_second, std::size_t clients);
};

}  // namespace chronik::sim
