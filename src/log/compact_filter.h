// CompactionFilter: decides batch by batch what compaction keeps. Values in, values out; no I/O.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "log/compact.h"
#include "log/compact_map.h"
#include "log/compact_transactions.h"
#include "log/segment_scan.h"
#include "wire/record_reader.h"

namespace chronik::log {

/// A batch to be written: whole batches, contiguous in offsets with what was given out before.
struct KeptBatch {
  wire::RecordBatchHeader header;
  Buffer bytes;
};

class CompactionFilter {
 public:
  /// `end` is where the knowledge of keys and transactions ends; batches from there on pass as they are.
  CompactionFilter(const KeyOffsets& keys, const TransactionFates& fates, Offset end, UnixMillis now,
                   std::int64_t delete_retention_ms)
      : keys_(keys), fates_(fates), end_(end), now_(now), delete_retention_ms_(delete_retention_ms) {}

  /// The next batch of the log; appends what is to be written to `out`.
  Status add(const LogBatch& batch, std::vector<KeptBatch>& out);
  /// The offsets up to here must be covered: at the end of an output segment.
  void finish(std::vector<KeptBatch>& out);

  std::uint64_t records_removed() const { return records_removed_; }

 private:
  /// What was removed and is not covered yet.
  struct Hole {
    Offset base;
    Offset last;
    LeaderEpoch epoch;
  };
  bool keeps_record(const wire::RecordView& record, bool tombstones_expired) const;
  /// Which records of a batch stay, in their order, and whether a tombstone is among them.
  struct Choice {
    std::vector<bool> keeps;
    std::int32_t kept = 0;
    bool tombstones = false;
  };
  Result<Choice> choose(const LogBatch& batch) const;
  /// Without what goes: the batch itself, a smaller one, or nothing.
  Result<std::optional<KeptBatch>> rewrite(const LogBatch& batch);
  bool keeps_marker(const LogBatch& batch, bool commits);
  void remove(const wire::RecordBatchHeader& header, std::vector<KeptBatch>& out);

  const KeyOffsets& keys_;
  const TransactionFates& fates_;
  Offset end_;
  UnixMillis now_;
  std::int64_t delete_retention_ms_;
  std::optional<Hole> hole_;
  std::map<ProducerId, bool> kept_in_transaction_;  // transactional records kept since the producer's last marker
  std::uint64_t records_removed_ = 0;
};

}  // namespace chronik::log
