// See verify.h.
#include "apps/bench/verify.h"

#include <fmt/format.h>

#include "apps/bench/clock.h"
#include "apps/bench/read_back.h"
#include "apps/bench/reader.h"

namespace chronik::bench {
namespace {

constexpr std::int64_t kStallNs = 30'000'000'000;

/// The counts alone: end offsets must have grown by what was acknowledged, plus at most what is uncertain.
void compare_counts(const std::vector<std::unique_ptr<Client>>& clients, const std::vector<PartitionRange>& before,
                    const std::vector<PartitionRange>& after, Reconciliation& result) {
  for (std::size_t p = 0; p < after.size(); ++p) {
    std::uint64_t acked = 0;
    std::uint64_t uncertain = 0;
    for (const auto& client : clients) {
      acked += client->record.ledger[p].acked;
      uncertain += client->record.ledger[p].failed.size();
    }
    const auto grown = static_cast<std::uint64_t>(after[p].end - before[p].end);
    result.acked += acked;
    result.uncertain += uncertain;
    result.in_log += grown;
    if (grown < acked || grown > acked + uncertain) {
      result.mismatches.push_back(
          fmt::format("partition {}: {} acknowledged ({} uncertain), but the end offset went from {} to {} (+{})", p,
                      acked, uncertain, before[p].end, after[p].end, grown));
    }
  }
}

/// What remains to be read of each partition.
class Remaining {
 public:
  Remaining(const std::vector<PartitionRange>& before, const std::vector<PartitionRange>& after,
            std::vector<std::string>& mismatches) {
    for (std::size_t p = 0; p < after.size(); ++p) {
      end_.push_back(after[p].end);
      at_.push_back(before[p].end);
      if (after[p].end <= before[p].end) continue;
      if (after[p].start > before[p].end) {
        mismatches.push_back(fmt::format("partition {}: begins at {}, records from {} on were dropped by the broker", p,
                                         after[p].start, before[p].end));
        at_.back() = end_.back();
        continue;
      }
      assignments.push_back({static_cast<int>(p), before[p].end});
    }
    open_ = assignments.size();
  }

  bool open() const { return open_ > 0; }
  /// Whether `offset` was still expected of this partition.
  bool take(int partition, std::int64_t offset) {
    const auto p = static_cast<std::size_t>(partition);
    if (offset >= end_[p] || at_[p] >= end_[p]) return false;
    advance(partition, offset + 1);
    return true;
  }
  void advance(int partition, std::int64_t offset) {
    const auto p = static_cast<std::size_t>(partition);
    if (at_[p] >= end_[p] || offset <= at_[p]) return;
    at_[p] = offset;
    if (at_[p] >= end_[p]) --open_;
  }
  void stalled(std::vector<std::string>& mismatches) const {
    for (std::size_t p = 0; p < end_.size(); ++p) {
      if (at_[p] >= end_[p]) continue;
      mismatches.push_back(fmt::format("partition {}: reading stalled at offset {} of {}", p, at_[p], end_[p]));
    }
  }

  std::vector<Assignment> assignments;

 private:
  std::vector<std::int64_t> end_;
  std::vector<std::int64_t> at_;
  std::size_t open_ = 0;
};

Status read_everything(const Run& run, const std::vector<std::unique_ptr<Client>>& clients,
                       const std::vector<PartitionRange>& before, const std::vector<PartitionRange>& after,
                       Reconciliation& result) {
  Remaining remaining(before, after, result.mismatches);
  ReadBack checker(run, clients);
  TRY(auto reader, Reader::assigned(run.connection, run.load.topic, remaining.assignments, Purpose::catch_up));
  auto last_progress = now_ns();
  std::string failure;
  while (remaining.open() && failure.empty()) {
    const auto got = reader->poll(100, [&](const rd_kafka_message_t& message) {
      if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        remaining.advance(message.partition, message.offset);
      } else if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (!remaining.take(message.partition, message.offset)) return;
        checker.record(message.partition, message.offset, {static_cast<const char*>(message.payload), message.len});
      } else if (message.rkt != nullptr && message.err != RD_KAFKA_RESP_ERR__TRANSPORT) {
        failure = fmt::format("reading partition {}: {}", message.partition, rd_kafka_message_errstr(&message));
      }
    });
    if (got > 0) last_progress = now_ns();
    if (now_ns() - last_progress > kStallNs) break;
  }
  if (!failure.empty()) return fail(Errc::corrupt, failure);
  remaining.stalled(result.mismatches);
  result.read = checker.read();
  const bool whole = result.mismatches.empty();
  // After a partial read everything unread would be reported as lost once more.
  if (whole) result.mismatches = checker.finish();
  if (whole && result.read != result.in_log) {
    result.mismatches.push_back(fmt::format("{} records read, but offsets grew by {}", result.read, result.in_log));
  }
  return {};
}

}  // namespace

Result<Reconciliation> reconcile(const Run& run, const std::vector<std::unique_ptr<Client>>& clients,
                                 const std::vector<PartitionRange>& before, Verify how) {
  TRY(const auto after, partition_ranges(run.connection, run.load.topic, run.partitions));
  Reconciliation result;
  compare_counts(clients, before, after, result);
  // Reading tells which records are concerned, so it is done even when the counts already differ.
  auto count_lines = std::move(result.mismatches);
  result.mismatches.clear();
  if (how == Verify::full) TRY_STATUS(read_everything(run, clients, before, after, result));
  result.mismatches.insert(result.mismatches.begin(), count_lines.begin(), count_lines.end());
  return result;
}

}  // namespace chronik::bench
