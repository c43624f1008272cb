// What one partition knows of transactions (KIP-98): which are open, which were aborted, and so where the last stable
// offset is. Fed with every batch in offset order; ends are remembered until both the high watermark and the synced
// files have passed them, so that the state as of any such point can be told.
//
// Memory: the aborted transactions whose records are still in the log stay in memory, 32 bytes each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "wire/record_batch.h"

namespace chronik::log {

inline constexpr std::int32_t kNoCoordinatorEpoch = -1;

/// What a control batch says that ends a transaction.
struct EndMarker {
  bool commits = false;
  std::int32_t coordinator_epoch = kNoCoordinatorEpoch;
};

struct OpenTransaction {
  Offset first;
  UnixMillis since;

  bool operator==(const OpenTransaction&) const = default;
};

struct AbortedTransaction {
  ProducerId producer;
  Offset first;
  Offset marker;               // of the control batch that ended it
  LastStableOffset stable_at;  // just after the marker: no transaction behind this one began earlier

  bool operator==(const AbortedTransaction&) const = default;
};

/// As of one offset; what a checkpoint record keeps.
struct TransactionSnapshot {
  std::map<ProducerId, OpenTransaction> open;
  std::vector<AbortedTransaction> aborted;

  bool operator==(const TransactionSnapshot&) const = default;
};

class Transactions {
 public:
  /// The next batch. `marker`: of a control batch, what it says; nullopt for all others.
  void add(const wire::RecordBatchHeader& batch, const std::optional<EndMarker>& marker);
  void restore(const TransactionSnapshot& snapshot);
  /// As of `end`, which is at or behind every offset given to settled().
  TransactionSnapshot as_of(LogEndOffset end) const;

  /// Ends before `offset` are beyond doubt: committed and in synced files.
  void settled(Offset offset);
  bool settles() const { return !ended_.empty(); }
  /// What lies before `offset` is gone.
  void forget_before(Offset offset);

  const OpenTransaction* open(ProducerId producer) const;
  /// The first offset of a transaction whose end does not lie below `high_watermark`.
  std::optional<Offset> first_undecided(HighWatermark high_watermark) const;
  /// Aborted transactions with records in [from, end), by first offset.
  std::vector<AbortedTransaction> aborted_in(Offset from, Offset end) const;

 private:
  struct Ended {
    ProducerId producer;
    OpenTransaction was;
    Offset marker;
  };

  std::map<ProducerId, OpenTransaction> open_;
  std::set<Offset> firsts_;                  // of the open ones
  std::vector<Ended> ended_;                 // by marker
  std::vector<AbortedTransaction> aborted_;  // by marker
};

}  // namespace chronik::log
