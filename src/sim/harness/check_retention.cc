// Property: retention by age and by size takes what it should, and leaves what it must. That nothing is taken too early
// by age is judged at once (History::see_log_start).
#include <fmt/format.h>

#include "sim/harness/checks.h"

namespace chronik::sim {

namespace {

/// Beyond retention.ms: until a segment is full of age, flushed (log.flush_idle) and looked at, twice over.
constexpr std::int64_t kLateMs = 60'000;
/// Beyond retention.bytes: the segment that is written, the one that may not go, and what is not in segments yet.
constexpr std::uint64_t kExcess = 6U << 20;

}  // namespace

void check_retention(History& history, const FinalLogs& logs) {
  for (const auto& [partition, log] : logs) {
    const Retention may = history.retention(partition.topic);
    if (may.bytes >= 0 && !log.damaged) {
      const auto bound = static_cast<std::uint64_t>(may.bytes);
      if (log.start > 0) history.reached("old segments went for their size");
      if (log.start > 0 && log.bytes < bound) {
        history.violate("retention", fmt::format("{}: {} bytes are left from offset {} on, but {} are to be kept",
                                                 partition.to_string(), log.bytes, log.start, bound));
      }
      if (log.bytes > bound + kExcess) {
        history.violate("retention", fmt::format("{}: {} bytes are there, and {} are to be kept", partition.to_string(),
                                                 log.bytes, bound));
      }
    }
    if (may.ms < 0 || log.records.empty()) continue;
    const std::int64_t oldest = history.sent(log.records.begin()->second).timestamp.value();
    if (history.broker_now().value() - oldest > may.ms + kLateMs) {
      history.violate("retention",
                      fmt::format("{}: the record at {} is {} ms old, and is to be kept for {}", partition.to_string(),
                                  log.records.begin()->first, history.broker_now().value() - oldest, may.ms));
    }
  }
}

}  // namespace chronik::sim
