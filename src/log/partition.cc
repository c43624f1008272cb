// Appending, reading and the offsets. Flushing and retention: partition_flush.cc.
#include "log/partition.h"

#include <algorithm>
#include <cstring>

#include "base/canary.h"
#include "log/compact_transactions.h"
#include "log/record_rules.h"
#include "log/rejection.h"
#include "wire/record_batch.h"
#include "wire/record_reader.h"

namespace chronik::log {

namespace {
// Batches below this size are copied together on the way out: a gather list of tiny pieces costs more than the copy.
constexpr std::size_t kCopyBelow = 2048;
constexpr std::size_t kCopyBlock = 64U << 10;
constexpr std::size_t kDecompressedMax = 256U << 20;
}  // namespace

Partition::Partition(task::Context& context, wal::Wal& wal, std::string root, std::string topic, TopicPartition id,
                     LeaderEpoch epoch, LogConfig config, std::shared_ptr<SegmentCache> cache)
    : context_(context),
      wal_(wal),
      topic_(topic),
      id_(id),
      epoch_(epoch),
      config_(config),
      store_(context, std::move(root), std::move(topic), id, config.segments, std::move(cache)) {
  store_.start_empty(Offset{0});
}

Partition::~Partition() = default;

task::Task<Status> Partition::recover(std::optional<PartitionCheckpoint> record,
                                      std::vector<wal::ReplayedFrame> frames) {
  if (record) {
    log_start_ = record->log_start;
    if (record->files) {
      CO_TRY_STATUS(co_await store_.recover(*record->files));
      log_end_ = record->files->end;
    } else {
      log_end_ = LogEndOffset(log_start_.value());
      store_.start_empty(Offset(log_start_.value()));
    }
    flushed_producers_ = record->producers;
    producers_ = record->producers;
    transactions_.restore(record->transactions);
  }
  for (const auto& frame : frames) CO_TRY_STATUS(apply_replayed(frame));
  if (canary(Canary::offset_reused_after_replay) && !tail_.empty()) {
    log_end_ = LogEndOffset(tail_.back().batch.base.value());
    tail_bytes_ -= tail_.back().batch.bytes.size();
    tail_.pop_back();
  }
  if (canary(Canary::producer_state_lost)) producers_ = flushed_producers_ = {};
  log_start_ = LogStartOffset(std::min(log_start_.value(), log_end_.value()));
  transactions_.forget_before(Offset(log_start_.value()));
  durable_end_ = DurableEnd(log_end_.value());
  advance_high_watermark();
  co_return Status{};
}

Status Partition::apply_replayed(const wal::ReplayedFrame& frame) {
  if (frame.info.kind == wal::FrameKind::log_start) {
    log_start_ = std::max(log_start_, LogStartOffset(frame.info.base.value()));
    return {};
  }
  if (frame.info.kind != wal::FrameKind::batch) return fail(Errc::corrupt, "unknown frame kind in the write-ahead log");
  if (frame.info.end <= log_end_) return {};  // in files already
  const std::string where = topic_ + "-" + std::to_string(id_.partition.value());
  if (frame.info.base.value() != log_end_.value()) {
    return fail(Errc::corrupt, where + ": the log ends at " + std::to_string(log_end_.value()) +
                                   " but the write-ahead log goes on at " + std::to_string(frame.info.base.value()));
  }
  TRY(const auto header, wire::parse_batch_header(frame.payload.span()));
  if (!wire::batch_crc_holds(frame.payload.span()) || header.next_offset().value() != frame.info.end.value()) {
    return fail(Errc::corrupt, where + ": the write-ahead log holds a damaged record batch at offset " +
                                   std::to_string(frame.info.base.value()));
  }
  std::optional<EndMarker> marker;
  if (header.is_control()) {
    TRY(marker, marker_of(frame.payload.span()));
  }
  producers_.update(header, header.max_timestamp, marker);
  transactions_.add(header, marker);
  tail_.push_back(
      {BatchRef{frame.payload, header.base_offset, header.last_offset(), header.max_timestamp, header.leader_epoch},
       wal::GroupSequence{0}, nullptr, header.has_producer()});
  tail_bytes_ += frame.payload.size();
  log_end_ = frame.info.end;
  return {};
}

std::optional<Rejection> Partition::refusal(ByteSpan batch, const wire::ValidatedBatch& validated,
                                            UnixMillis now) const {
  if (deleted_) return Rejection{ErrorCode::unknown_topic_or_partition, "the topic was deleted"};
  if (failure_) return to_rejection(*failure_);
  if (batch.size() > static_cast<std::size_t>(config_.max_message_bytes)) {
    return Rejection{ErrorCode::message_too_large,
                     "a batch of " + std::to_string(batch.size()) +
                         " bytes exceeds max.message.bytes=" + std::to_string(config_.max_message_bytes)};
  }
  return refuse_records(batch, validated, config_, now);
}

std::expected<Appended, Rejection> Partition::append(ByteSpan batch, const wire::ValidatedBatch& validated,
                                                     Origin origin, TransactionPass pass) {
  const UnixMillis now = context_.wall_now();
  if (auto no = refusal(batch, validated, now)) return std::unexpected(*std::move(no));
  auto known = admit_producer(validated.header, origin, pass);
  if (!known) return std::unexpected(std::move(known).error());
  if (*known && !canary(Canary::duplicate_appended)) {
    Appended original{(*known)->base, (*known)->last, UnixMillis(-1), log_start_, nullptr};
    if (config_.log_append_time) original.append_time = (*known)->timestamp;
    // The first attempt may still be on its way to the disk: then this one waits for the same group.
    if (original.last.value() >= durable_end_.value()) original.commit = tail_[tail_index(original.base)].commit;
    return original;
  }
  auto appended = place(batch, validated.header, validated.max_timestamp, now, std::nullopt);
  if (!appended) refused_for_room(validated.header);
  return appended;
}

void Partition::refused_for_room(const wire::RecordBatchHeader& header) {
  producers_.expect_first(header, context_.wall_now());
}

/// The batch at the log's end, stamped. `marker`: what it says if it ends a transaction.
std::expected<Appended, Rejection> Partition::place(ByteSpan batch, wire::RecordBatchHeader header,
                                                    UnixMillis max_timestamp, UnixMillis now,
                                                    const std::optional<EndMarker>& marker) {
  const Offset base(log_end_.value());
  header.base_offset = base;
  const LogEndOffset end(header.next_offset().value());
  auto place = wal_.reserve({wal::FrameKind::batch, id_, base, end}, batch.size(), shared_from_this());
  if (!place) return std::unexpected(room_rejection(place.error()));
  std::memcpy(place->bytes.data(), batch.data(), batch.size());
  wire::stamp_batch(place->bytes, base, epoch_);
  const bool append_time = config_.log_append_time && !header.is_control();
  if (append_time) {
    wire::stamp_log_append_time(place->bytes, now);
    header.max_timestamp = now;
  } else if (header.max_timestamp != max_timestamp) {
    wire::stamp_max_timestamp(place->bytes, max_timestamp);
    header.max_timestamp = max_timestamp;
  }
  producers_.update(header, now, marker);
  transactions_.add(header, marker);
  tail_.push_back({BatchRef{place->payload, base, header.last_offset(), header.max_timestamp, epoch_}, place->group,
                   place->commit, header.has_producer()});
  tail_bytes_ += batch.size();
  log_end_ = end;
  if (canary(Canary::high_watermark_from_log_end)) advance_high_watermark();
  return Appended{base, header.last_offset(), append_time ? now : UnixMillis(-1), log_start_, std::move(place->commit)};
}

std::expected<Appended, Rejection> Partition::append_internal(ByteSpan batch, Origin origin, TransactionPass pass) {
  auto validated = wire::validate_produced_batch(batch, kDecompressedMax);
  if (!validated) return std::unexpected(std::move(validated).error());
  return append(batch, *validated, origin, pass);
}

void Partition::frames_durable(LogEndOffset end) {
  durable_end_ = std::max(durable_end_, DurableEnd(end.value()));
  advance_high_watermark();
}

void Partition::frames_failed(const Error& error) {
  if (!failure_) failure_ = error;
  tell_readers();
}

/// The one place that decides what is committed. On one node the in-sync set is this node: what is durable here is
/// committed.
void Partition::advance_high_watermark() {
  const HighWatermark next(canary(Canary::high_watermark_from_log_end) ? log_end_.value() : durable_end_.value());
  if (next <= high_watermark_) return;
  high_watermark_ = next;
  settle_transactions();
  if (!canary(Canary::long_poll_not_woken)) tell_readers();
}

void Partition::tell_readers() {
  interests_.for_each([](Interest& interest) { interest.tell(); });
}

Offset Partition::tail_start() const {
  return tail_.empty() ? Offset(log_end_.value()) : tail_.front().batch.base;
}

/// Below it, what is committed is in files.
Offset Partition::files_limit() const {
  return std::min(tail_start(), Offset(high_watermark_.value()));
}

/// Index of the first tail batch that ends at or behind `offset`.
std::size_t Partition::tail_index(Offset offset) const {
  const auto at = std::ranges::lower_bound(tail_, offset, {}, [](const TailBatch& t) { return t.batch.last; });
  return static_cast<std::size_t>(at - tail_.begin());
}

Run Partition::read_tail(Offset from, Offset end, std::size_t bytes_max) const {
  Run run;
  run.end = from;
  std::shared_ptr<Block> block;
  std::size_t block_begin = 0;
  std::size_t block_end = 0;
  const auto flush_block = [&] {
    if (block_end == block_begin) return;
    run.pieces.emplace_back(block, ByteSpan(block->data() + block_begin, block_end - block_begin));
    block_begin = block_end;
  };
  for (std::size_t i = tail_index(from); i < tail_.size(); ++i) {
    const BatchRef& batch = tail_[i].batch;
    if (batch.last >= end) break;
    const std::size_t size = batch.bytes.size();
    if (run.bytes > 0 && run.bytes + size > bytes_max) break;
    if (size < kCopyBelow) {
      if (!block || block_end + size > block->capacity()) {
        flush_block();
        block = Block::allocate(std::clamp(bytes_max, kCopyBelow, kCopyBlock));
        block_begin = block_end = 0;
      }
      std::memcpy(block->data() + block_end, batch.bytes.data(), size);
      block_end += size;
    } else {
      flush_block();
      run.pieces.push_back(batch.bytes);
    }
    run.bytes += size;
    run.end = batch.last.plus(1);
    if (run.bytes >= bytes_max) break;
  }
  flush_block();
  return run;
}

/// Where a read of the files has reached the tail and there is room left, the answer goes on in the tail.
void Partition::append_tail(Run& run, Offset end, std::size_t bytes_max) const {
  if (run.end < tail_start() || run.end >= end || run.bytes >= bytes_max) return;
  const std::size_t left = bytes_max - run.bytes;
  if (tail_[tail_index(run.end)].batch.bytes.size() > left) return;
  Run more = read_tail(run.end, end, left);
  for (Buffer& piece : more.pieces) run.pieces.push_back(std::move(piece));
  run.bytes += more.bytes;
  run.end = more.end;
}

task::Task<Result<Run>> Partition::read(Offset from, std::size_t bytes_max, Deadline until, Isolation isolation) {
  if (deleted_) co_return fail(Errc::not_found, topic_);
  if (failure_) co_return fail(*failure_);
  if (from.value() < log_start_.value() || from.value() > log_end_.value()) {
    co_return fail(Errc::out_of_range, "offset " + std::to_string(from.value()) + " is outside " +
                                           std::to_string(log_start_.value()) + ".." +
                                           std::to_string(log_end_.value()));
  }
  const Offset end = visible_end(isolation);
  if (from >= end) co_return Run{{}, 0, from};
  const auto self = shared_from_this();
  while (from < tail_start()) {
    const Offset limit = std::min(tail_start(), end);
    CO_TRY(Run run, co_await store_.read(from, limit, bytes_max, until));
    // The files may end in a hole that compaction left; what follows is in the tail, or was flushed meanwhile.
    if (run.bytes == 0 && limit < end) {
      from = limit;
      continue;
    }
    append_tail(run, end, bytes_max);
    co_return run;
  }
  co_return read_tail(from, end, bytes_max);
}

std::size_t Partition::readable_bytes(Offset from, Isolation isolation) const {
  if (deleted_ || failure_ || from.value() < log_start_.value() || from.value() > log_end_.value()) return 1;
  const Offset end = visible_end(isolation);
  if (from >= end) return 0;
  if (from < tail_start()) return static_cast<std::size_t>(store_.bytes());
  std::size_t bytes = 0;
  constexpr std::size_t kEnough = 1U << 20;
  for (std::size_t i = tail_index(from); i < tail_.size() && bytes < kEnough; ++i) {
    if (tail_[i].batch.last >= end) break;
    bytes += tail_[i].batch.bytes.size();
  }
  return bytes;
}

task::Task<Result<std::optional<TimestampOffset>>> Partition::find_timestamp(UnixMillis timestamp, Deadline until) {
  const auto self = shared_from_this();
  if (failure_) co_return fail(*failure_);
  Offset searched(0);
  // What the flusher moves into files meanwhile is in the tail no more: the files are searched again.
  for (Offset limit = files_limit(); limit > searched; limit = files_limit()) {
    if (limit.value() > log_start_.value() && limit > store_.start()) {
      const Offset from = std::max(searched, Offset(log_start_.value()));
      CO_TRY(auto found, co_await store_.find_timestamp(timestamp, limit, until, from));
      if (found && found->offset.value() >= log_start_.value()) co_return found;
    }
    searched = limit;
  }
  for (const TailBatch& entry : tail_) {
    const BatchRef& batch = entry.batch;
    if (batch.last.value() >= high_watermark_.value()) break;
    if (batch.last.value() < log_start_.value() || batch.max_timestamp < timestamp) continue;
    CO_TRY(auto reader, wire::RecordReader::open(batch.bytes.span(), kDecompressedMax));
    wire::RecordView record;
    for (;;) {
      CO_TRY(const bool more, reader.next(record));
      if (!more) break;
      if (record.timestamp >= timestamp && record.offset.value() >= log_start_.value()) {
        co_return TimestampOffset{record.timestamp, record.offset, batch.leader_epoch};
      }
    }
  }
  co_return std::nullopt;
}

task::Task<Result<std::optional<TimestampOffset>>> Partition::max_timestamp(Deadline until) {
  const auto self = shared_from_this();
  if (failure_) co_return fail(*failure_);
  std::optional<TimestampOffset> best;
  Offset searched(0);
  for (Offset limit = files_limit(); limit > searched; limit = files_limit()) {
    if (limit.value() > log_start_.value() && limit > store_.start()) {
      CO_TRY(best, co_await store_.max_timestamp(limit, until));
    }
    searched = limit;
  }
  const BatchRef* newest = nullptr;
  for (const TailBatch& entry : tail_) {
    if (entry.batch.last.value() >= high_watermark_.value()) break;
    const UnixMillis floor = newest ? newest->max_timestamp : best ? best->timestamp : UnixMillis(-1);
    if (entry.batch.max_timestamp > floor) newest = &entry.batch;
  }
  if (!newest) co_return best;
  CO_TRY(auto reader, wire::RecordReader::open(newest->bytes.span(), kDecompressedMax));
  wire::RecordView record;
  for (;;) {
    CO_TRY(const bool more, reader.next(record));
    if (!more) break;
    if (record.timestamp == newest->max_timestamp) {
      co_return TimestampOffset{record.timestamp, record.offset, newest->leader_epoch};
    }
  }
  co_return best;
}

std::optional<std::pair<LeaderEpoch, Offset>> Partition::epoch_end(LeaderEpoch epoch) const {
  if (epoch > epoch_) return std::nullopt;
  if (epoch == epoch_) return std::pair{epoch_, Offset(log_end_.value())};
  for (auto entry = tail_.rbegin(); entry != tail_.rend(); ++entry) {
    if (entry->batch.leader_epoch <= epoch) return std::pair{entry->batch.leader_epoch, entry->batch.last.plus(1)};
  }
  return store_.epoch_end(epoch);
}

void Partition::set_config(const LogConfig& config) {
  config_ = config;
  store_.set_options(config.segments);
}

void Partition::mark_deleted() {
  deleted_ = true;
  tell_readers();
}

void Partition::check_invariants() const {
  CHECK(log_start_.value() <= high_watermark_.value());
  CHECK(high_watermark_.value() <= durable_end_.value());
  CHECK(durable_end_.value() <= log_end_.value());
  std::int64_t next = tail_start().value();
  std::uint64_t bytes = 0;
  for (const TailBatch& entry : tail_) {
    CHECK(entry.batch.base.value() == next);
    next = entry.batch.last.value() + 1;
    bytes += entry.batch.bytes.size();
  }
  CHECK(next == log_end_.value());
  CHECK(last_stable_offset().value() <= high_watermark_.value());
  CHECK(bytes == tail_bytes_);
}

}  // namespace chronik::log
