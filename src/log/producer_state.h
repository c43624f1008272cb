// What one partition remembers of idempotent producers (KIP-98, KIP-360): for each the epoch and its last five batches,
// enough to tell a retry from a gap; and, for DescribeProducers, the coordinator's epoch of its last marker. Memory is
// bounded: at most kProducersMax, the longest silent forgotten first; entries also expire by age.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "log/transactions.h"
#include "wire/batch_validation.h"
#include "wire/record_batch.h"

namespace chronik::log {

struct ProducerBatch {
  std::int32_t base_sequence = 0;
  std::int32_t last_sequence = 0;
  Offset base;
  Offset last;
  UnixMillis timestamp;  // of the append

  bool operator==(const ProducerBatch&) const = default;
};

struct ProducerEntry {
  ProducerEpoch epoch;
  UnixMillis last_seen;
  std::int32_t coordinator_epoch = kNoCoordinatorEpoch;  // of its last marker, whatever its own epoch was then
  std::uint8_t count = 0;
  std::array<ProducerBatch, 5> batches{};  // oldest first; a producer has at most five in flight

  bool operator==(const ProducerEntry&) const = default;
};

class ProducerState {
 public:
  static constexpr std::size_t kProducersMax = 100'000;

  /// nullopt: new, append it. A batch: a retry, answer with these offsets. Rejections: OUT_OF_ORDER_SEQUENCE_NUMBER,
  /// INVALID_PRODUCER_EPOCH.
  std::expected<std::optional<ProducerBatch>, wire::Rejection> check(const wire::RecordBatchHeader& batch) const;
  /// Whether the epoch is one that may still write (INVALID_PRODUCER_EPOCH); sequences are not looked at.
  std::optional<wire::Rejection> check_epoch(ProducerId id, ProducerEpoch epoch) const;
  /// Records a batch whose offsets are assigned; without a producer id it has no effect. A transaction marker takes no
  /// sequence, but fences older epochs. `marker`: of a control batch, what it says.
  void update(const wire::RecordBatchHeader& batch, UnixMillis now, const std::optional<EndMarker>& marker = {});
  /// A batch was refused before it was looked at, and its producer will send it again. If that is the first that this
  /// partition sees of the producer, a later one must not come in before it: "an unknown producer may start anywhere"
  /// would take it.
  void expect_first(const wire::RecordBatchHeader& batch, UnixMillis now);
  /// Forgets those silent since then, but for those that `keep` names.
  template <class Keep>
  void expire(UnixMillis before, Keep keep) {
    std::erase_if(entries_, [&](const auto& item) { return item.second.last_seen < before && !keep(item.first); });
  }

  const std::map<ProducerId, ProducerEntry>& entries() const { return entries_; }
  /// Null if nothing is known of it.
  const ProducerEntry* find(ProducerId id) const;
  void restore(ProducerId id, const ProducerEntry& entry) { entries_[id] = entry; }
  bool operator==(const ProducerState&) const = default;

 private:
  void forget_surplus();

  std::map<ProducerId, ProducerEntry> entries_;
};

}  // namespace chronik::log
