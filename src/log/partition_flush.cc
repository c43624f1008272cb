// From the tail into files; log start, retention, deletion.
#include <algorithm>

#include "log/compact.h"
#include "log/compact_transactions.h"
#include "log/partition.h"
#include "wire/record_batch.h"

namespace chronik::log {

bool Partition::has_tail_through(wal::GroupSequence cut) const {
  return !tail_.empty() && !deleted_ && tail_.front().group <= cut &&
         tail_.front().batch.last.value() < durable_end_.value();
}

/// What the next append takes: from where the files end, and not so much that it would open many segments at once.
std::vector<BatchRef> Partition::flushable(wal::GroupSequence cut) const {
  constexpr std::uint64_t kSegmentsAtOnce = 4;
  const std::uint64_t bytes_max = std::max<std::uint64_t>(config_.segments.segment_bytes, 4096) * kSegmentsAtOnce;
  const Offset begin(store_.end().value());
  std::vector<BatchRef> batches;
  std::uint64_t bytes = 0;
  for (const TailBatch& entry : tail_) {
    if (entry.group > cut || entry.batch.last.value() >= durable_end_.value() || bytes >= bytes_max) break;
    // A sync that could not be done is made up for: what was appended before it is there already.
    if (entry.batch.base < begin) continue;
    batches.push_back(entry.batch);
    bytes += entry.batch.bytes.size();
  }
  return batches;
}

/// Forgets what the files hold for good.
void Partition::drop_flushed() {
  const LogEndOffset end = store_.position().end;
  while (!tail_.empty() && tail_.front().batch.last.value() < end.value()) {
    const TailBatch& entry = tail_.front();
    if (entry.has_producer) {
      // The bytes were validated on their way in, so the header parses, and what a marker says.
      const auto header = wire::parse_batch_header(entry.batch.bytes.span());
      std::optional<EndMarker> marker;
      if (header && header->is_control()) marker = marker_of(entry.batch.bytes.span()).value_or(std::nullopt);
      if (header) flushed_producers_.update(*header, entry.batch.max_timestamp, marker);
    }
    tail_bytes_ -= entry.batch.bytes.size();
    tail_.pop_front();
  }
  settle_transactions();
}

task::Task<Status> Partition::flush(wal::GroupSequence cut) {
  const auto self = shared_from_this();
  while (has_tail_through(cut)) {
    auto batches = flushable(cut);
    if (!batches.empty()) CO_TRY_STATUS(co_await store_.append(std::move(batches)));
    CO_TRY_STATUS(co_await store_.sync());
    drop_flushed();
  }
  co_return Status{};
}

PartitionCheckpoint Partition::checkpoint() const {
  PartitionCheckpoint record{id_, topic_, log_start_, std::nullopt, flushed_producers_, {}};
  const FilePosition position = store_.position();
  record.transactions = transactions_.as_of(position.end);
  if (position.end > LogEndOffset{0}) record.files = position;
  return record;
}

task::Task<Status> Partition::move_log_start(Offset to, Deadline until) {
  if (to.value() <= log_start_.value()) co_return Status{};
  const wal::FrameInfo frame{wal::FrameKind::log_start, id_, to, LogEndOffset(log_end_.value())};
  CO_TRY(auto place, wal_.reserve(frame, 0, nullptr, true));
  CO_TRY_STATUS(co_await wal_.committed(place.commit, until));
  log_start_ = std::max(log_start_, LogStartOffset(to.value()));
  transactions_.forget_before(Offset(log_start_.value()));
  co_return Status{};
}

task::Task<Result<LogStartOffset>> Partition::delete_records(Offset before, Deadline until) {
  const auto self = shared_from_this();
  if (failure_) co_return fail(*failure_);
  const Offset to = before.value() == -1 ? Offset(high_watermark_.value()) : before;
  if (to.value() < 0 || to.value() > high_watermark_.value()) {
    co_return fail(Errc::out_of_range, "offset " + std::to_string(to.value()) + " is beyond the high watermark " +
                                           std::to_string(high_watermark_.value()));
  }
  CO_TRY_STATUS(co_await move_log_start(to, until));
  co_return log_start_;
}

Offset Partition::retention_target(UnixMillis now) const {
  Offset target(log_start_.value());
  if (!config_.remove) return target;
  const auto segments = store_.segments();
  std::uint64_t bytes = store_.bytes() + tail_bytes_;
  for (const SegmentInfo& segment : segments) {
    const bool reached = segment.end.value() <= high_watermark_.value();
    const bool expired =
        config_.retention_ms >= 0 && now.value() - segment.max_timestamp.value() > config_.retention_ms;
    // Kafka's rule: a segment goes only while what remains still exceeds the bound.
    const bool excess = config_.retention_bytes >= 0 && !segment.active &&
                        bytes >= static_cast<std::uint64_t>(config_.retention_bytes) + segment.bytes;
    if (!reached || (!expired && !excess)) break;
    bytes -= std::min(bytes, segment.bytes);
    target = std::max(target, segment.end);
  }
  return target;
}

task::Task<Status> Partition::apply_retention(UnixMillis now, Deadline until) {
  const auto self = shared_from_this();
  if (deleted_ || failure_) co_return Status{};
  CO_TRY_STATUS(co_await move_log_start(retention_target(now), until));
  co_return co_await remove_unreachable_segments();
}

task::Task<Status> Partition::remove_unreachable_segments() {
  const auto self = shared_from_this();
  const auto segments = store_.segments();
  const bool reached = !segments.empty() && segments.front().end.value() <= log_start_.value();
  if (!reached && !store_.removal_pending()) co_return Status{};
  co_return co_await store_.remove_before(Offset(log_start_.value()));
}

/// Where a compaction run may go to: not into the active segment, nor to what is younger than min.compaction.lag.ms.
/// And whether it is worth one.
std::optional<Offset> Partition::compaction_limit(UnixMillis now) const {
  const auto segments = store_.segments();
  Offset limit(last_stable_offset().value());
  const auto stays = [&](const SegmentInfo& segment) {
    const bool young = now.value() - segment.max_timestamp.value() < config_.min_compaction_lag_ms;
    return segment.active || young;
  };
  const auto first = std::ranges::find_if(segments, stays);
  if (first != segments.end()) limit = std::min(limit, first->base);
  std::uint64_t bytes = 0;
  std::uint64_t dirty = 0;
  bool overdue = false;
  for (const SegmentInfo& segment : segments) {
    if (segment.end > limit) break;
    bytes += segment.bytes;
    if (segment.end <= compacted_to_) continue;
    dirty += segment.bytes;
    overdue = overdue || now.value() - segment.max_timestamp.value() > config_.max_compaction_lag_ms;
  }
  const double ratio = bytes == 0 ? 0 : static_cast<double>(dirty) / static_cast<double>(bytes);
  const bool due = dirty > 0 && (overdue || ratio >= config_.min_cleanable_dirty_ratio);
  return due ? std::optional(limit) : std::nullopt;
}

bool Partition::wants_compaction(UnixMillis now) const {
  return config_.compact && !deleted_ && !failure_ && compaction_limit(now).has_value();
}

task::Task<Result<std::uint64_t>> Partition::compact(UnixMillis now) {
  const auto self = shared_from_this();
  const auto limit = compaction_limit(now);
  if (!limit || !wants_compaction(now)) co_return 0;
  CompactionOptions options;
  options.delete_retention = std::chrono::milliseconds(config_.delete_retention_ms);
  options.limit = *limit;
  CO_TRY(const CompactionResult result, co_await store_.compact(options));
  compacted_to_ = std::max(compacted_to_, result.cleaned_to);
  co_return result.records_removed;
}

void Partition::expire_producers(UnixMillis before) {
  // A producer with an open transaction is not forgotten: its markers need the epoch.
  const auto open = [&](ProducerId id) { return transactions_.open(id) != nullptr; };
  producers_.expire(before, open);
  flushed_producers_.expire(before, open);
}

task::Task<Status> Partition::destroy() {
  const auto self = shared_from_this();
  mark_deleted();
  co_return co_await store_.destroy();
}

}  // namespace chronik::log
