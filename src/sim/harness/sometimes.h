// "Sometimes" assertions: states that are worth reaching. A set of seeds that never reaches one of them proves nothing
// about it, so the suite fails (chronik-sim --sometimes). Workloads and the broker node report what they reach through
// History::reached; names beyond these are reported too, but not asked for.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chronik::sim {

inline constexpr auto kSometimes = std::to_array<std::string_view>({
    // The write-ahead log and recovery.
    "a group commit took several batches",
    "a torn tail was replayed",
    "records were replayed",
    "killed while starting",
    "killed while it recovers",
    "killed with a group in flight",
    "killed with an operation given up on",
    "killed with several write-ahead files",
    "killed while write-ahead files change",
    "started with another number of shards",
    "log directory went offline",
    "a full disk was left again",
    "damage reported",
    // Partitions.
    "a partition had several segments",
    "tails were flushed",
    "a flush waited for a stalled disk",
    "killed while segments are written",
    "killed while an index is written",
    "killed while the checkpoint record is written",
    "compaction removed records",
    "old records went by retention",
    "old segments went for their size",
    "records deleted",
    "an offset was found by its time",
    "a read began in the middle of the log",
    // Producers and readers.
    "retried batch acknowledged",
    "a duplicate was recognised after a restart",
    "a retry without idempotence made a duplicate",
    "several requests of a producer in flight",
    "a batch behind a failed one was out of order",
    "a zombie producer was fenced",
    "a record of unknown fate is there",
    "a waiting reader was woken",
    "connection lost",
    "a malformed request was refused",
    // Transactions.
    "a transaction was committed",
    "a transaction timed out",
    "the end of a transaction was asked for again",
    "committed transactions were read",
    "a zombie transaction was refused",
    "a transaction of version 1 was committed",
    "transactions were listed",
    // Topics and groups.
    "a topic was made again",
    "topic deleted",
    "partitions were added",
    "a rebalance with several members",
    "resumed at a committed offset",
    "left the group",
    "a member of the new protocol got partitions",
    "a partition went from member to member",
    "a member of the new protocol resumed",
    "left a group of the new protocol",
    "a classic member in a mixed group got partitions",
    "a stable group was described",
    "a group of the new protocol was described",
    "a group told all its offsets",
    "a group was deleted",
    "an offset was deleted",
    "a committed offset expired",
});

/// Those of kSometimes that are not among the reached.
inline std::vector<std::string_view> never_reached(const std::map<std::string, std::uint64_t>& reached) {
  std::vector<std::string_view> never;
  for (const std::string_view state : kSometimes) {
    if (!reached.contains(std::string(state))) never.push_back(state);
  }
  return never;
}

}  // namespace chronik::sim
