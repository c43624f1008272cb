// Property: what was acknowledged is there (properties 1 and 2 of the brief: lost write).
#include <fmt/format.h>

#include "sim/harness/checks.h"

namespace chronik::sim {

void check_acknowledged(History& history, const FinalLogs& logs) {
  std::uint64_t number = 0;
  for (const SentRecord& sent : history.all_sent()) {
    const std::uint64_t mine = number++;
    if (sent.fate != Fate::acknowledged) continue;
    const auto log = logs.find(sent.partition);
    if (log == logs.end()) continue;
    if (sent.offset < log->second.start) continue;  // check_log_start judges whether it may start there
    // What is called damaged is not lost in silence.
    if (log->second.damaged && sent.offset >= log->second.end) continue;
    const auto there = log->second.records.find(sent.offset);
    if (there != log->second.records.end() && there->second == mine) continue;
    history.violate(
        "acknowledged",
        fmt::format("{}: record {} was acknowledged at offset {}, where {}", sent.partition.to_string(), mine,
                    sent.offset,
                    there == log->second.records.end() ? "nothing is" : fmt::format("record {} is", there->second)));
  }
}

}  // namespace chronik::sim
