// The ledger of one producing client: for each partition what was sent, acknowledged and failed, and a digest of the
// acknowledged offsets. It is what reading back is reconciled with (verify.h).
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "base/prng.h"

namespace chronik::bench {

/// Order-independent fingerprint of "this record lies at this offset"; sums of it compare sets.
inline std::uint64_t placement_digest(std::uint32_t client, std::uint64_t sequence, std::int64_t offset) {
  const auto mixed = Prng(sequence ^ (std::uint64_t{client} << 40)).next();
  return Prng(mixed ^ static_cast<std::uint64_t>(offset)).next();
}

struct PartitionLedger {
  std::uint64_t sent = 0;       // next sequence; written by the sender only
  std::uint64_t acked = 0;      // the rest is written by the thread that serves delivery reports
  std::uint64_t placement = 0;  // sum of placement_digest over acknowledged records with a known offset
  std::uint64_t unplaced = 0;   // acknowledged without an offset (acks=0, or a duplicate the broker recognised)
  std::unordered_set<std::uint64_t> failed;  // fate unknown: may or may not be in the log
};

/// Indexed by partition. Not synchronised: read it when both threads of the client have ended.
using ClientLedger = std::vector<PartitionLedger>;

}  // namespace chronik::bench
