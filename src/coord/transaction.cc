#include "coord/transaction.h"

#include <algorithm>
#include <array>

namespace chronik::coord {

namespace {

constexpr ProducerId kNone{-1};
constexpr ProducerEpoch kNoEpoch{-1};

ProducerEpoch after(ProducerEpoch epoch) {
  return ProducerEpoch(static_cast<std::int16_t>(std::min<std::int32_t>(epoch.value() + 1, INT16_MAX)));
}

constexpr auto kNames = std::to_array<std::pair<TransactionPhase, std::string_view>>({
    {TransactionPhase::empty, "Empty"},
    {TransactionPhase::ongoing, "Ongoing"},
    {TransactionPhase::prepare_commit, "PrepareCommit"},
    {TransactionPhase::prepare_abort, "PrepareAbort"},
    {TransactionPhase::complete_commit, "CompleteCommit"},
    {TransactionPhase::complete_abort, "CompleteAbort"},
    {TransactionPhase::dead, "Dead"},
    {TransactionPhase::prepare_epoch_fence, "PrepareEpochFence"},
});

ErrorCode check_producer(const Transaction& now, ProducerIdentity producer) {
  if (producer.id != now.producer.id) return ErrorCode::invalid_producer_id_mapping;
  return producer.epoch == now.producer.epoch ? ErrorCode::none : ErrorCode::producer_fenced;
}

/// On its way to an end: markers follow.
Transaction preparing(const Transaction& now, bool commits, UnixMillis at) {
  Transaction next = now;
  next.phase = commits ? TransactionPhase::prepare_commit : TransactionPhase::prepare_abort;
  next.updated = at;
  return next;
}

bool ended_as(const Transaction& now, bool commits) {
  const bool committed =
      now.phase == TransactionPhase::prepare_commit || now.phase == TransactionPhase::complete_commit;
  return committed == commits;
}

NextTransaction end_version_1(const Transaction& now, ProducerIdentity producer, bool commits, UnixMillis at) {
  if (const ErrorCode error = check_producer(now, producer); error != ErrorCode::none) return std::unexpected(error);
  switch (now.phase) {
    case TransactionPhase::ongoing: {
      Transaction next = preparing(now, commits, at);
      next.bumps = false;
      return next;
    }
    case TransactionPhase::complete_commit:
    case TransactionPhase::complete_abort:
      if (ended_as(now, commits)) return now;
      return std::unexpected(ErrorCode::invalid_txn_state);
    case TransactionPhase::prepare_commit:
    case TransactionPhase::prepare_abort:
      return std::unexpected(ended_as(now, commits) ? ErrorCode::concurrent_transactions
                                                    : ErrorCode::invalid_txn_state);
    default:
      return std::unexpected(ErrorCode::invalid_txn_state);
  }
}

}  // namespace

std::string_view to_string(TransactionPhase phase) {
  const auto found = std::ranges::find(kNames, phase, &std::pair<TransactionPhase, std::string_view>::first);
  return found == kNames.end() ? "Unknown" : found->second;
}

std::optional<TransactionPhase> parse_phase(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &std::pair<TransactionPhase, std::string_view>::second);
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

bool needs_new_id(const Transaction& now) {
  return now.producer.id == kNone || now.epochs_used_up();
}

ErrorCode check_claim(const Transaction& now, std::optional<ProducerIdentity> claimed) {
  if (!claimed || now.producer.epoch == kNoEpoch || claimed->id == now.producer.id) return ErrorCode::none;
  // Its answer was lost when the id changed.
  const bool rotated = claimed->id == now.previous && claimed->epoch.value() >= INT16_MAX - 1;
  return rotated ? ErrorCode::none : ErrorCode::producer_fenced;
}

NextTransaction initialize(const Transaction& now, std::optional<ProducerIdentity> claimed, std::int32_t timeout_ms,
                           ProducerId fresh, UnixMillis at) {
  if (const ErrorCode error = check_claim(now, claimed); error != ErrorCode::none) return std::unexpected(error);
  Transaction next = now;
  next.phase = TransactionPhase::empty;
  next.partitions.clear();
  next.timeout_ms = timeout_ms;
  next.updated = at;
  next.started = UnixMillis(-1);
  next.next = kNone;
  if (claimed && now.producer.epoch != kNoEpoch) {
    if (claimed->id == now.producer.id && claimed->epoch == now.last_epoch) return next;  // once more
    const bool known = claimed->id == now.producer.id ? claimed->epoch == now.producer.epoch : true;
    if (!known) return std::unexpected(ErrorCode::producer_fenced);
    if (claimed->id != now.producer.id) return next;  // the rotation was done already
  }
  if (needs_new_id(now)) {
    next.previous = now.producer.id;
    next.producer = {fresh, ProducerEpoch(0)};
    next.last_epoch = claimed ? now.producer.epoch : kNoEpoch;
    return next;
  }
  next.last_epoch = claimed ? now.producer.epoch : kNoEpoch;
  next.producer.epoch = after(now.producer.epoch);
  return next;
}

NextTransaction add_partitions(const Transaction& now, ProducerIdentity producer, const TransactionPartitions& more,
                               bool version_2, UnixMillis at) {
  if (const ErrorCode error = check_producer(now, producer); error != ErrorCode::none) return std::unexpected(error);
  if (now.preparing()) return std::unexpected(ErrorCode::concurrent_transactions);
  const bool ongoing = now.phase == TransactionPhase::ongoing;
  if (ongoing && std::ranges::includes(now.partitions, more)) return now;
  Transaction next = now;
  if (!ongoing) {
    next.partitions.clear();
    next.started = at;
    next.phase = TransactionPhase::ongoing;
  }
  next.partitions.insert(more.begin(), more.end());
  next.updated = at;
  next.bumps = version_2;
  return next;
}

ErrorCode verify_partitions(const Transaction& now, ProducerIdentity producer, const TransactionPartitions& asked) {
  if (const ErrorCode error = check_producer(now, producer); error != ErrorCode::none) return error;
  const bool included = now.phase == TransactionPhase::ongoing && std::ranges::includes(now.partitions, asked);
  return included ? ErrorCode::none : ErrorCode::transaction_abortable;
}

NextTransaction end(const Transaction& now, ProducerIdentity producer, bool commits, bool version_2, ProducerId fresh,
                    UnixMillis at) {
  if (!version_2) return end_version_1(now, producer, commits, at);
  const bool complete = now.phase == TransactionPhase::complete_commit || now.phase == TransactionPhase::complete_abort;
  // The first answer was lost: the producer still has the epoch from before, or even the id.
  const bool retry_with_epoch = producer.id == now.producer.id && after(producer.epoch) == now.producer.epoch &&
                                producer.epoch != now.producer.epoch;
  const bool retry_with_id = complete && producer.id == now.previous && producer.epoch.value() == INT16_MAX - 1 &&
                             now.producer.epoch == ProducerEpoch(0);
  if (producer.id != now.producer.id && !retry_with_id) return std::unexpected(ErrorCode::invalid_producer_id_mapping);
  const bool retry = (complete || now.preparing()) && (retry_with_epoch || retry_with_id);
  if (retry) {
    if (!ended_as(now, commits)) return std::unexpected(ErrorCode::invalid_txn_state);
    if (now.preparing()) return std::unexpected(ErrorCode::concurrent_transactions);
    return now;
  }
  if (now.preparing() || producer.epoch != now.producer.epoch) return std::unexpected(ErrorCode::producer_fenced);
  const bool ongoing = now.phase == TransactionPhase::ongoing;
  // Nothing was written: nothing to commit, but an abort is granted, and bumps the epoch as any other.
  if (!ongoing && commits) return std::unexpected(ErrorCode::invalid_txn_state);
  Transaction next = preparing(now, commits, at);
  if (!ongoing) {
    next.partitions.clear();
    next.started = at;
  }
  next.bumps = true;
  if (now.epochs_used_up()) next.next = fresh;
  next.last_epoch = now.producer.epoch;
  next.producer.epoch = after(now.producer.epoch);
  return next;
}

Transaction fence(const Transaction& now, UnixMillis at) {
  Transaction next = preparing(now, false, at);
  next.last_epoch = kNoEpoch;
  next.producer.epoch = after(now.producer.epoch);
  // One epoch more than an end that the producer asked for: it must not take this one for the answer that it missed.
  if (now.bumps) next.producer.epoch = after(next.producer.epoch);
  return next;
}

Transaction complete(const Transaction& now, UnixMillis at) {
  Transaction next = now;
  next.phase = now.phase == TransactionPhase::prepare_commit ? TransactionPhase::complete_commit
                                                             : TransactionPhase::complete_abort;
  next.partitions.clear();
  next.updated = at;
  if (now.next != kNone) {
    next.previous = now.producer.id;
    next.producer = {now.next, ProducerEpoch(0)};
    next.next = kNone;
  }
  return next;
}

}  // namespace chronik::coord
