// Property: the log keeps the order of each producer.
#include <fmt/format.h>

#include <unordered_map>

#include "sim/harness/checks.h"

namespace chronik::sim {

void check_order(History& history, const FinalLogs& logs) {
  for (const auto& [partition, log] : logs) {
    std::unordered_map<std::uint64_t, std::uint64_t> last;  // by producer: the highest number so far
    for (const auto& [offset, number] : log.records) {
      const SentRecord& sent = history.sent(number);
      if (sent.resent) continue;
      const auto [at, fresh] = last.emplace(sent.producer, number);
      if (fresh) continue;
      // An earlier one without idempotence, given up after a time-out, may have been on its way still.
      if (number < at->second && sent.idempotent) {
        history.violate("order", fmt::format("{}: producer {} sent record {} before {}, which is below it at offset {}",
                                             partition.to_string(), sent.producer, number, at->second, offset));
      }
      at->second = std::max(at->second, number);
    }
  }
}

}  // namespace chronik::sim
