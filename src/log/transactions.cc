#include "log/transactions.h"

#include <algorithm>

namespace chronik::log {

void Transactions::add(const wire::RecordBatchHeader& batch, const std::optional<EndMarker>& marker) {
  if (!batch.is_transactional()) return;
  if (!batch.is_control()) {
    const bool opened = open_.try_emplace(batch.producer_id, batch.base_offset, batch.max_timestamp).second;
    if (opened) firsts_.insert(batch.base_offset);
    return;
  }
  const auto found = open_.find(batch.producer_id);
  if (!marker || found == open_.end()) return;
  const OpenTransaction was = found->second;
  open_.erase(found);
  firsts_.erase(was.first);
  ended_.push_back({batch.producer_id, was, batch.base_offset});
  if (marker->commits) return;
  const Offset stable = firsts_.empty() ? batch.next_offset() : *firsts_.begin();
  aborted_.push_back({batch.producer_id, was.first, batch.base_offset, LastStableOffset(stable.value())});
}

void Transactions::restore(const TransactionSnapshot& snapshot) {
  open_ = snapshot.open;
  firsts_.clear();
  for (const auto& [producer, transaction] : open_) firsts_.insert(transaction.first);
  ended_.clear();
  aborted_.assign(snapshot.aborted.begin(), snapshot.aborted.end());
}

TransactionSnapshot Transactions::as_of(LogEndOffset end) const {
  TransactionSnapshot snapshot;
  for (const auto& [producer, transaction] : open_) {
    if (transaction.first.value() < end.value()) snapshot.open[producer] = transaction;
  }
  // Of several that one producer ended behind `end`, only one can have begun before it.
  for (const Ended& ended : ended_) {
    if (ended.was.first.value() < end.value() && ended.marker.value() >= end.value()) {
      snapshot.open[ended.producer] = ended.was;
    }
  }
  for (const AbortedTransaction& aborted : aborted_) {
    if (aborted.marker.value() >= end.value()) break;
    snapshot.aborted.push_back(aborted);
  }
  return snapshot;
}

void Transactions::settled(Offset offset) {
  ended_.erase(ended_.begin(), std::ranges::lower_bound(ended_, offset, {}, &Ended::marker));
}

void Transactions::forget_before(Offset offset) {
  aborted_.erase(aborted_.begin(), std::ranges::lower_bound(aborted_, offset, {}, &AbortedTransaction::marker));
}

const OpenTransaction* Transactions::open(ProducerId producer) const {
  const auto found = open_.find(producer);
  return found == open_.end() ? nullptr : &found->second;
}

std::optional<Offset> Transactions::first_undecided(HighWatermark high_watermark) const {
  std::optional<Offset> first;
  if (!firsts_.empty()) first = *firsts_.begin();
  for (auto ended = ended_.rbegin(); ended != ended_.rend(); ++ended) {
    if (ended->marker.value() < high_watermark.value()) break;
    first = std::min(first.value_or(ended->was.first), ended->was.first);
  }
  return first;
}

std::vector<AbortedTransaction> Transactions::aborted_in(Offset from, Offset end) const {
  std::vector<AbortedTransaction> found;
  for (auto at = std::ranges::lower_bound(aborted_, from, {}, &AbortedTransaction::marker); at != aborted_.end();
       ++at) {
    if (at->first < end) found.push_back(*at);
    if (at->stable_at.value() >= end.value()) break;
  }
  std::ranges::sort(found, {}, &AbortedTransaction::first);
  return found;
}

}  // namespace chronik::log
