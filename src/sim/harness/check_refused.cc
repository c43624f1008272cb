// Property: what failed for certain never appears.
#include <fmt/format.h>

#include "sim/harness/checks.h"

namespace chronik::sim {

void check_refused(History& history, const FinalLogs& logs) {
  for (const auto& [partition, log] : logs) {
    for (const auto& [offset, number] : log.records) {
      const SentRecord& sent = history.sent(number);
      if (sent.partition != partition) {
        history.violate("refused", fmt::format("record {} was sent to {} and is in {} at offset {}", number,
                                               sent.partition.to_string(), partition.to_string(), offset));
      }
      if (sent.fate == Fate::refused) {
        history.violate("refused", fmt::format("{}: record {} was refused and is at offset {}", partition.to_string(),
                                               number, offset));
      }
      if (sent.fate == Fate::unknown) history.reached("a record of unknown fate is there");
    }
  }
}

}  // namespace chronik::sim
