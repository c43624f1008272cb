// Property: nothing is there twice that was sent once.
#include <fmt/format.h>

#include <unordered_map>

#include "sim/harness/checks.h"

namespace chronik::sim {

void check_duplicates(History& history, const FinalLogs& logs) {
  for (const auto& [partition, log] : logs) {
    std::unordered_map<std::uint64_t, std::int64_t> first;
    for (const auto& [offset, number] : log.records) {
      const auto [at, fresh] = first.emplace(number, offset);
      if (fresh) continue;
      const SentRecord& sent = history.sent(number);
      if (sent.idempotent || !sent.resent) {
        history.violate("duplicates", fmt::format("{}: record {} is at offsets {} and {}", partition.to_string(),
                                                  number, at->second, offset));
      } else {
        history.reached("a retry without idempotence made a duplicate");
      }
    }
  }
}

}  // namespace chronik::sim
