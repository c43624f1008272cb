// Groups and offsets as records of __consumer_offsets, in Kafka's formats.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "coord/offsets.h"
#include "coord/transaction.h"
#include "wire/records/group_records.h"

namespace chronik::coord {

/// Without a value: a tombstone.
struct Record {
  Buffer key;
  std::optional<Buffer> value;

  std::size_t size() const { return key.size() + (value ? value->size() : 0); }
};

// Errors: invalid_argument (a name too long for the format).
Result<Record> offset_record(const std::string& group, const std::string& topic, PartitionIndex partition,
                             const CommittedOffset& offset);
Result<Record> offset_tombstone(const std::string& group, const std::string& topic, PartitionIndex partition);
Result<Record> group_record(const std::string& group, const wire::GroupMetadataValue& value);
Result<Record> group_tombstone(const std::string& group);

/// Bytes of one record beyond names and metadata, at most; for asking for room.
inline constexpr std::size_t kRecordOverhead = 128;
/// Of one batch, at most.
inline constexpr std::size_t kBatchOverhead = 128;

/// The records as one batch. Errors: of RecordBatchBuilder.
Result<Buffer> make_batch(const std::vector<Record>& records, UnixMillis at);

/// The same as part of a transaction; a coordinator has no sequence of its own.
Result<Buffer> make_transactional_batch(const std::vector<Record>& records, UnixMillis at, ProducerIdentity producer);

/// A stored offset as it was committed; `position` is the record's.
CommittedOffset committed_offset(const wire::OffsetCommitValue& value, Offset position);

}  // namespace chronik::coord
