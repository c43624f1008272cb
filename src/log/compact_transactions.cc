#include "log/compact_transactions.h"

#include <algorithm>

#include "wire/record_reader.h"

namespace chronik::log {
namespace {
constexpr std::size_t kControlBatchMax = 1U << 20;
// A control record's key: int16 version, int16 type. A marker's value: int16 version, int32 coordinator epoch.
constexpr std::size_t kControlTypeAt = 2;
constexpr std::size_t kCoordinatorEpochAt = 2;
constexpr std::int16_t kAbort = 0;
constexpr std::int16_t kCommit = 1;
}  // namespace

Result<std::optional<EndMarker>> marker_of(ByteSpan batch) {
  TRY(auto reader, wire::RecordReader::open(batch, kControlBatchMax));
  wire::RecordView record;
  TRY(const bool any, reader.next(record));
  if (!any || !record.key || record.key->size() < kControlTypeAt + 2) return std::nullopt;
  const auto type = load_be<std::int16_t>(record.key->data() + kControlTypeAt);
  if (type != kAbort && type != kCommit) return std::nullopt;
  EndMarker marker{.commits = type == kCommit};
  if (record.value && record.value->size() >= kCoordinatorEpochAt + sizeof marker.coordinator_epoch) {
    marker.coordinator_epoch = load_be<std::int32_t>(record.value->data() + kCoordinatorEpochAt);
  }
  return marker;
}

Result<bool> TransactionFates::add(const wire::RecordBatchHeader& header, ByteSpan batch) {
  if (!header.is_transactional() || header.record_count == 0) return true;
  if (markers_ + producers_.size() >= markers_max_) return false;
  Producer& producer = producers_[header.producer_id];
  if (!header.is_control()) {
    if (!producer.open_since) producer.open_since = header.base_offset;
    return true;
  }
  TRY(const auto marker, marker_of(batch));
  if (!marker) return true;
  producer.open_since.reset();
  producer.markers.push_back({header.base_offset, marker->commits});
  ++markers_;
  return true;
}

std::optional<Offset> TransactionFates::first_open() const {
  std::optional<Offset> first;
  for (const auto& [id, producer] : producers_) {
    if (producer.open_since) first = std::min(first.value_or(*producer.open_since), *producer.open_since);
  }
  return first;
}

bool TransactionFates::aborted(ProducerId producer, Offset offset) const {
  const auto found = producers_.find(producer);
  if (found == producers_.end()) return false;
  const auto end = std::ranges::upper_bound(found->second.markers, offset, {}, &Marker::offset);
  return end != found->second.markers.end() && !end->commits;
}

}  // namespace chronik::log
