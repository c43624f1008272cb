// Canaries: bugs put in on purpose, to show that the simulator would find such bugs. Only the preset `canary` contains
// them; there, one is chosen when the program starts. Elsewhere canary() is false at compile time and costs nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace chronik {

enum class Canary : std::uint8_t {
  none,
  ack_before_fsync,             // a group is acknowledged when it is written, not synced
  fsync_error_ignored,          // a write-ahead write that failed counts as done
  stale_group_accepted,         // replay takes groups that a recycled file still holds
  torn_tail_called_corrupt,     // a group cut short by a power cut stops the start
  corruption_called_torn,       // a damaged acknowledged group ends the log without a word
  long_poll_not_woken,          // readers that wait are not told of new records
  high_watermark_from_log_end,  // readers see what is not synced
  offset_reused_after_replay,   // replay forgets the last batch of a partition
  producer_state_lost,          // producers are forgotten at a restart
  duplicate_appended,           // a batch sent again is appended again
  budget_leaked,                // some memory is never given back
  failed_write_acknowledged,    // Produce reports success whatever happened to the group
  flush_not_synced,             // segments are recorded as synced and are not
  aborted_not_told,             // readers of committed records are not told what was aborted
  marker_forgotten,             // a transaction is complete before its last marker is written
  transaction_not_verified,     // a batch opens a transaction that the coordinator knows nothing of
  aborted_offset_counts,        // offsets of aborted transactions count
  assigned_while_held,          // a member is given what another one has not given up
  assignment_not_durable,       // a member is told its assignment before that is on disk
};

inline constexpr std::array<std::string_view, 20> kCanaryNames = {
    "none",
    "ack_before_fsync",
    "fsync_error_ignored",
    "stale_group_accepted",
    "torn_tail_called_corrupt",
    "corruption_called_torn",
    "long_poll_not_woken",
    "high_watermark_from_log_end",
    "offset_reused_after_replay",
    "producer_state_lost",
    "duplicate_appended",
    "budget_leaked",
    "failed_write_acknowledged",
    "flush_not_synced",
    "aborted_not_told",
    "marker_forgotten",
    "transaction_not_verified",
    "aborted_offset_counts",
    "assigned_while_held",
    "assignment_not_durable",
};

#ifdef CHRONIK_CANARIES
inline Canary chosen_canary = Canary::none;  // set once, before any thread starts
inline bool canary(Canary which) {
  return chosen_canary == which;
}
#else
constexpr bool canary(Canary) {
  return false;
}
#endif

}  // namespace chronik
