// CompactionFilter: decides batch by batch what compaction keeps. Values in, values out; no I/O.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "log/compact.h"
#include "log/compact_map.h"
#include "log/compact_transactions.h"
#include "log/segment_scan.h"

namespace chronik::log {

/// A batch to be written: whole batches, contiguous in offsets with what was given out before.
struct KeptBatch {
  wire::RecordBatchHeader header;
  Buffer bytes;
};

class CompactionFilter {
 public:
  /// `end` is where the knowledge of keys and transactions ends; batches from there on pass as they are.
  CompactionFilter(const KeyOffsets& keys, const TransactionFates& fates, Offset end, UnixMillis tombstones_before)
      : keys_(keys), fates_(fates), end_(end), tombstones_before_(tombstones_before) {}

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
  bool keeps_record(const wire::RecordBatchHeader& header, Offset offset, UnixMillis timestamp,
                    const std::optional<ByteSpan>& key, bool tombstone) const;
  /// Without what goes: the batch itself, a smaller one, or nothing.
  Result<std::optional<KeptBatch>> rewrite(const LogBatch& batch);
  bool keeps_marker(const LogBatch& batch, bool commits);
  void remove(const wire::RecordBatchHeader& header, std::vector<KeptBatch>& out);

  const KeyOffsets& keys_;
  const TransactionFates& fates_;
  Offset end_;
  UnixMillis tombstones_before_;
  std::optional<Hole> hole_;
  std::map<ProducerId, bool> kept_in_transaction_;  // transactional records kept since the producer's last marker
  std::uint64_t records_removed_ = 0;
};

}  // namespace chronik::log
