#include "log/producer_state.h"

#include <algorithm>

namespace chronik::log {

namespace {
wire::Rejection fenced(ProducerId id, ProducerEpoch epoch) {
  return {wire::ErrorCode::invalid_producer_epoch, "the producer was fenced by a newer epoch (producer " +
                                                       std::to_string(id.value()) + ", epoch " +
                                                       std::to_string(epoch.value()) + ")"};
}
}  // namespace

const ProducerEntry* ProducerState::find(ProducerId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::optional<wire::Rejection> ProducerState::check_epoch(ProducerId id, ProducerEpoch epoch) const {
  const ProducerEntry* const entry = find(id);
  if (entry == nullptr || epoch >= entry->epoch) return std::nullopt;
  return fenced(id, epoch);
}

std::expected<std::optional<ProducerBatch>, wire::Rejection> ProducerState::check(
    const wire::RecordBatchHeader& batch) const {
  if (!batch.has_producer()) return std::nullopt;
  const ProducerEntry* const known_producer = find(batch.producer_id);
  // An unknown producer may start anywhere: its state may have expired (KIP-360).
  if (known_producer == nullptr) return std::nullopt;
  const ProducerEntry& entry = *known_producer;
  const auto about = [&](const char* what) {
    return std::string(what) + " (producer " + std::to_string(batch.producer_id.value()) + ", epoch " +
           std::to_string(batch.producer_epoch.value()) + ", sequence " + std::to_string(batch.base_sequence) + ")";
  };
  if (batch.producer_epoch < entry.epoch) return std::unexpected(fenced(batch.producer_id, batch.producer_epoch));
  if (batch.producer_epoch > entry.epoch) {
    if (batch.base_sequence == 0) return std::nullopt;
    return std::unexpected(wire::Rejection{wire::ErrorCode::out_of_order_sequence_number,
                                           about("a new producer epoch must start at sequence 0")});
  }
  for (std::uint8_t i = 0; i < entry.count; ++i) {
    const ProducerBatch& known = entry.batches[i];
    if (known.base_sequence == batch.base_sequence && known.last_sequence == batch.last_sequence()) return known;
  }
  // After a marker alone, as after a new epoch, sequences begin anew.
  const std::int32_t last = entry.count == 0 ? wire::kNoSequence : entry.batches[entry.count - 1U].last_sequence;
  const std::int32_t next = entry.count == 0 ? 0 : wire::advance_sequence(last, 1);
  if (next == batch.base_sequence) return std::nullopt;
  return std::unexpected(
      wire::Rejection{wire::ErrorCode::out_of_order_sequence_number,
                      about("sequence does not follow the last one") + ", last was " + std::to_string(last)});
}

void ProducerState::update(const wire::RecordBatchHeader& batch, UnixMillis now,
                           const std::optional<EndMarker>& marker) {
  if (!batch.has_producer()) return;
  ProducerEntry& entry = entries_[batch.producer_id];
  if (entry.count == 0 || entry.epoch != batch.producer_epoch) {
    entry = ProducerEntry{.epoch = batch.producer_epoch, .coordinator_epoch = entry.coordinator_epoch};
  }
  entry.last_seen = now;
  if (marker) entry.coordinator_epoch = marker->coordinator_epoch;
  if (!batch.is_control()) {
    if (entry.count == entry.batches.size()) {
      std::ranges::rotate(entry.batches, entry.batches.begin() + 1);
      --entry.count;
    }
    entry.batches[entry.count++] =
        ProducerBatch{batch.base_sequence, batch.last_sequence(), batch.base_offset, batch.last_offset(), now};
  }
  forget_surplus();
}

void ProducerState::expect_first(const wire::RecordBatchHeader& batch, UnixMillis now) {
  if (!batch.has_producer() || batch.base_sequence != 0 || entries_.contains(batch.producer_id)) return;
  ProducerEntry& entry = entries_[batch.producer_id];  // without a batch: the next one has sequence 0
  entry.epoch = batch.producer_epoch;
  entry.last_seen = now;
  forget_surplus();
}

void ProducerState::forget_surplus() {
  if (entries_.size() <= kProducersMax) return;
  entries_.erase(std::ranges::min_element(entries_, {}, [](const auto& e) { return e.second.last_seen; }));
}

}  // namespace chronik::log
