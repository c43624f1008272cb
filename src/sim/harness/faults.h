// The fault plan of a world: drawn from the seed, so that shrinking may drop parts of it and replay the rest.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/prng.h"
#include "base/time.h"

namespace chronik::sim {

enum class FaultKind : std::uint8_t {
  kill,            // the broker loses its power; it starts again after `span`, with a shard count from `argument`
  kill_in_action,  // the same in the middle of what `argument` says (action_of), within 5 s or not at all
  stall,           // the disk does nothing for `span`
  fail_writes,     // EIO on writes for `span`
  fail_syncs,      // EIO on syncs for `span`
  fail_reads,      // EIO on reads for `span`
  full,            // `argument` KiB of room left, for `span`
  few_files,       // `argument` more files may be opened, for `span`
  kill_client,     // client process number `argument` dies; another takes its place
  cut,             // every connection of client process `argument` is reset
  clog,            // nothing arrives at the broker (argument even) or leaves it (odd) for `span`
  pause,           // the broker process stands still for `span`; its machine does not
  clock,           // the wall clock of the broker jumps by `argument` - 60,000 ms
  clock_strobe,    // for `span` it shows another time, at most 30 s off, every 20 ms
  clock_drift,     // for `span` it runs a tenth fast (argument odd) or slow
  rot,             // as kill, and a byte at rest changes: see BrokerNode::rot
  lost_write,      // a write that was reported done never happened; a restart 3 s later
  wrong_place,     // a write lands elsewhere in its file; a restart 3 s later
};
inline constexpr std::size_t kFaultKinds = 18;
using FaultWeights = std::array<std::uint64_t, kFaultKinds>;  // parts of their sum
std::string_view to_string(FaultKind kind);
/// Damage that the broker may only report.
bool is_damage(FaultKind kind);

struct Fault {
  Instant at;
  FaultKind kind = FaultKind::kill;
  Duration span{};
  std::uint64_t argument = 0;
  std::string to_string() const;
};

/// What is interrupted by kill_in_action: after `operations` of the disk on paths that contain `path`.
struct Action {
  std::string_view name;
  std::string_view path;
  std::uint64_t operations = 1;
  bool starting = false;  // the broker is restarted first: this is about recovery
};
Action action_of(const Fault& fault);
std::size_t shards_of(const Fault& fault);
/// Where damage is done.
std::string_view damage_path(const Fault& fault);

struct FaultPlan {
  std::vector<Fault> faults;  // by time

  /// About `per_second` faults a second between `from` and `to`.
  static FaultPlan draw(Prng& prng, const FaultWeights& weights, Instant from, Instant to, double per_second,
                        std::size_t clients);
};

}  // namespace chronik::sim
