// Property: the log begins where somebody asked it to, and has no hole.
#include <fmt/format.h>

#include "sim/harness/checks.h"

namespace chronik::sim {

void check_log_start(History& history, const FinalLogs& logs) {
  for (const auto& [partition, log] : logs) {
    history.see_log_start(partition, log.start, "log start");
    for (std::int64_t offset = log.start; offset < log.end; ++offset) {
      if (log.records.contains(offset)) continue;
      history.violate("log start", fmt::format("{}: the log goes from {} to {}, but offset {} is missing",
                                               partition.to_string(), log.start, log.end, offset));
      break;
    }
  }
}

void check_all(History& history, const FinalLogs& logs) {
  check_acknowledged(history, logs);
  check_duplicates(history, logs);
  check_refused(history, logs);
  check_order(history, logs);
  check_log_start(history, logs);
  check_retention(history, logs);
}

}  // namespace chronik::sim
