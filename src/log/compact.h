// Log compaction (cleanup.policy=compact): of the records of one key only the last stays; a tombstone (null value) goes
// after delete_retention. Works on closed segments below the recorded one only, in bounded memory; offsets do not
// change. How long a tombstone stays counts from the first run that meets it, which notes that in its batch (KIP-534),
// so that whoever reads from the beginning has that long to come to it.
//
// Rewritten segments stay contiguous: where whole batches went, an empty batch covers their offsets, so that every gap
// that is found later is damage. What aborted transactions wrote goes; nothing at or above the first offset of an open
// transaction is touched; a commit marker goes with the last record of its transaction, abort markers stay.
//
// A crash at any point leaves each segment either old or new (segment_swap.cc). docs/formats/segments.md has the names.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/time.h"

namespace chronik::log {

struct CompactionOptions {
  Duration delete_retention = std::chrono::hours(24);  // delete.retention.ms
  std::size_t map_bytes = 16U << 20;                   // memory for keys; what does not fit waits for the next run
  std::size_t transactions_max = 1U << 18;             // markers remembered in one run
  Offset limit{INT64_MAX};                             // nothing at or above is compacted
};

struct CompactionResult {
  Offset cleaned_to;  // below it each key occurs once, but for tombstones and open transactions
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  std::uint64_t records_removed = 0;
  std::size_t segments_replaced = 0;
};

}  // namespace chronik::log
