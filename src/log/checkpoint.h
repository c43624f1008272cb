// The checkpoint record: what of each partition is safely in files, so that the write-ahead log before it may be
// released. One file for each shard, replaced atomically, checksummed. docs/formats/checkpoint.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "log/producer_state.h"
#include "log/segment_store.h"
#include "log/transactions.h"
#include "wal/format.h"

namespace chronik::log {

struct PartitionCheckpoint {
  TopicPartition id;
  std::string topic;
  LogStartOffset log_start;
  std::optional<FilePosition> files;  // nothing flushed yet: none
  ProducerState producers;            // as of files->end
  TransactionSnapshot transactions;   // the same

  bool operator==(const PartitionCheckpoint&) const = default;
};

struct CheckpointRecord {
  wal::Generation generation;
  std::vector<PartitionCheckpoint> partitions;

  bool operator==(const CheckpointRecord&) const = default;
};

Buffer encode(const CheckpointRecord& record);
/// corrupt for anything that encode() did not give.
Result<CheckpointRecord> decode_checkpoint(ByteSpan bytes);

}  // namespace chronik::log
