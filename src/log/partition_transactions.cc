// Transactions of one partition: who may write into one, the markers that end them, the last stable offset.
#include <algorithm>

#include "base/canary.h"
#include "log/partition.h"
#include "log/rejection.h"
#include "wire/record_batch_builder.h"

namespace chronik::log {

namespace {
// A control record's key and value (KIP-98): version and kind; version and coordinator epoch.
constexpr std::size_t kMarkerKeySize = 4;
constexpr std::size_t kMarkerValueSize = 6;
constexpr std::int16_t kMarkerVersion = 0;
constexpr std::int16_t kAbort = 0;
constexpr std::int16_t kCommit = 1;

Result<Buffer> marker_batch(ProducerId producer, ProducerEpoch epoch, bool commits, std::int32_t coordinator_epoch,
                            UnixMillis now) {
  std::byte key[kMarkerKeySize];
  store_be(key, kMarkerVersion);
  store_be(key + 2, commits ? kCommit : kAbort);
  std::byte value[kMarkerValueSize];
  store_be(value, kMarkerVersion);
  store_be(value + 2, coordinator_epoch);
  wire::BatchOptions options;
  options.producer_id = producer;
  options.producer_epoch = epoch;
  options.transactional = true;
  options.control = true;
  wire::RecordBatchBuilder builder(options);
  builder.add(now, ByteSpan(key), ByteSpan(value));
  return builder.build();
}
}  // namespace

LastStableOffset Partition::last_stable_offset() const {
  const auto undecided = transactions_.first_undecided(high_watermark_);
  const std::int64_t end = high_watermark_.value();
  if (!undecided) return LastStableOffset(end);
  // DeleteRecords may have taken the beginning of an open transaction.
  return LastStableOffset(std::clamp(undecided->value(), std::min(log_start_.value(), end), end));
}

std::vector<AbortedTransaction> Partition::aborted_in(Offset from, Offset end) const {
  if (canary(Canary::aborted_not_told)) return {};
  return transactions_.aborted_in(from, end);
}

/// An end is remembered until both readers and the files are past it.
void Partition::settle_transactions() {
  if (!transactions_.settles()) return;
  transactions_.settled(std::min(Offset(high_watermark_.value()), Offset(store_.position().end.value())));
}

std::optional<TransactionPass> Partition::begin_verification(ProducerId producer, ProducerEpoch epoch) {
  const ProducerEntry* const entry = producers_.find(producer);
  if (transactions_.open(producer) != nullptr && entry != nullptr && entry->epoch == epoch) return std::nullopt;
  TransactionPass& pass = passes_[producer];
  if (pass == kNoPass) pass = last_pass_ = TransactionPass(last_pass_.value() + 1);
  return pass;
}

/// What producers may do: epochs, sequences, transactions. A batch: a retry of that one.
std::expected<std::optional<ProducerBatch>, Rejection> Partition::admit_producer(const wire::RecordBatchHeader& header,
                                                                                 Origin origin, TransactionPass pass) {
  if (!header.has_producer()) return std::nullopt;
  if (origin == Origin::client) {
    auto known = producers_.check(header);
    if (!known || *known) return known;
  } else if (auto fenced = producers_.check_epoch(header.producer_id, header.producer_epoch)) {
    return std::unexpected(*std::move(fenced));
  }
  const bool open = transactions_.open(header.producer_id) != nullptr;
  if (!header.is_transactional()) {
    if (!open) return std::nullopt;
    return std::unexpected(
        Rejection{ErrorCode::invalid_txn_state, "the producer has an open transaction; this batch is not part of it"});
  }
  if (!open) {
    const auto given = passes_.find(header.producer_id);
    if (given == passes_.end() || given->second != pass) {
      return std::unexpected(Rejection{ErrorCode::invalid_txn_state,
                                       "the transaction does not include this partition, or has ended meanwhile"});
    }
    passes_.erase(given);
  }
  return std::nullopt;
}

std::expected<Appended, Rejection> Partition::append_marker(ProducerId producer, ProducerEpoch epoch, bool commits,
                                                            std::int32_t coordinator_epoch) {
  if (deleted_) return std::unexpected(Rejection{ErrorCode::unknown_topic_or_partition, "the topic was deleted"});
  if (failure_) return std::unexpected(to_rejection(*failure_));
  if (auto fenced = producers_.check_epoch(producer, epoch)) return std::unexpected(*std::move(fenced));
  passes_.erase(producer);
  const ProducerEntry* const entry = producers_.find(producer);
  if (transactions_.open(producer) == nullptr && entry != nullptr && entry->epoch == epoch) {
    // Ended before, or never written to: nothing to add, but what is in the log must be durable.
    return Appended{Offset(log_end_.value()), Offset(log_end_.value()), UnixMillis(-1), log_start_,
                    tail_.empty() ? nullptr : tail_.back().commit};
  }
  const UnixMillis now = context_.wall_now();
  const auto batch = marker_batch(producer, epoch, commits, coordinator_epoch, now);
  if (!batch) return std::unexpected(to_rejection(batch.error()));
  const auto header = wire::parse_batch_header(batch->span());
  if (!header) return std::unexpected(to_rejection(header.error()));
  return place(batch->span(), *header, header->max_timestamp, now, EndMarker{commits, coordinator_epoch});
}

}  // namespace chronik::log
