// Replay: a partition of an internal topic is read from its log start to its high watermark when its shard comes to own
// it, a piece at a time so that others get their turn, and told record by record.
#pragma once

#include <cstddef>
#include <optional>

#include "log/partition.h"
#include "task/context.h"
#include "wire/record_batch.h"

namespace chronik::coord {

/// Who rebuilds its state from a log. All calls come in log order, on the shard of the log.
class ReplayTarget {
 public:
  virtual ~ReplayTarget() = default;
  /// False once the partition is somebody else's: nothing more is told.
  virtual bool wanted() const = 0;
  virtual void record(const wire::RecordBatchHeader& batch, const Buffer& key, const std::optional<Buffer>& value,
                      Offset position) = 0;
  /// A transaction of `producer` ended here.
  virtual void marker(ProducerId producer, bool commits) = 0;
  /// A record without key, which nothing of ours writes.
  virtual void keyless() = 0;
};

/// True once all is told; false if the log cannot be read, is damaged, or is not wanted any more. `piece` in bytes.
task::Task<bool> replay(task::Context& context, log::PartitionPtr log, std::size_t piece, ReplayTarget& target);

}  // namespace chronik::coord
