#include "log/shard_log.h"

#include <algorithm>

#include "base/recoverable.h"
#include "log/checkpoint.h"
#include "task/io.h"

namespace chronik::log {

namespace {
constexpr Duration kRetry = 1s;  // while the disk is full or descriptors are short, and only then
constexpr Duration kIdle = 1h;
}  // namespace

/// Shared by the workers of one flush round.
struct FlushRound {
  explicit FlushRound(task::Context& context) : finished(context) {}
  wal::GroupSequence cut;
  std::vector<PartitionPtr> queue;
  std::size_t next = 0;
  std::size_t working = 0;
  Status status;
  task::Event finished;
};

ShardLog::ShardLog(task::Context& context, ShardLogOptions options)
    : context_(context),
      options_(std::move(options)),
      cache_(std::make_shared<SegmentCache>(options_.files_max, options_.index_bytes_max)),
      flush_parallel_(std::max<std::size_t>(options_.flush_parallel, 1)),
      work_(context),
      done_(context),
      flush_rounds_(
          context.metrics().counter("chronik_flush_rounds_total", "Rounds that moved tails into segment files")),
      flush_microseconds_(context.metrics().histogram("chronik_flush_microseconds", "Duration of one flush round")),
      compacted_records_(
          context.metrics().counter("chronik_compacted_records_total", "Records that compaction removed")) {}

ShardLog::~ShardLog() = default;

task::Task<Result<std::unique_ptr<ShardLog>>> ShardLog::open(task::Context& context, ShardLogOptions options) {
  std::unique_ptr<ShardLog> log(new ShardLog(context, std::move(options)));
  auto wal = co_await wal::Wal::open(context, log->options_.wal);
  if (!wal) co_return std::unexpected(std::move(wal).error());
  log->wal_ = *std::move(wal);
  log->wal_->file_completed_listener([self = log.get()] { self->work_.notify_all(); });
  log->next_retention_ = context.now() + log->options_.retention_check;
  log->next_compaction_ = context.now() + log->options_.compaction_backoff;
  log->running_ = true;
  context.spawn("log.flusher", log->run());
  co_return log;
}

PartitionPtr ShardLog::find(const TopicPartition& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void ShardLog::add(const TopicPartition& id, PartitionPtr partition) {
  by_id_[id] = partition;
  partitions_[id] = std::move(partition);
}

PartitionPtr ShardLog::create(const PartitionSpec& spec) {
  auto partition = std::make_shared<Partition>(context_, *wal_, options_.directory, spec.topic, spec.id, spec.epoch,
                                               spec.config, cache_);
  add(spec.id, partition);
  return partition;
}

task::Task<Result<PartitionPtr>> ShardLog::create_recovered(const PartitionSpec& spec, RecoveredPartition past) {
  auto partition = std::make_shared<Partition>(context_, *wal_, options_.directory, spec.topic, spec.id, spec.epoch,
                                               spec.config, cache_);
  CO_TRY_STATUS(co_await partition->recover(std::move(past.record), std::move(past.frames)));
  add(spec.id, partition);
  co_return partition;
}

void ShardLog::remove(const TopicPartition& id) {
  const auto found = partitions_.find(id);
  if (found == partitions_.end()) return;
  found->second->mark_deleted();
  removed_.push_back(std::move(found->second));
  partitions_.erase(found);
  by_id_.erase(id);
  work_.notify_all();
}

bool ShardLog::wants_flush() const {
  const wal::Stats stats = wal_->stats();
  const std::uint64_t complete = wal_->bytes_complete();
  // Half of what the log may hold is complete, or there is no room to prepare another file.
  return complete > 0 && (complete * 2 >= options_.wal.bytes_max ||
                          stats.bytes_held + options_.wal.file_bytes > options_.wal.bytes_max);
}

bool ShardLog::dirty() const {
  return std::ranges::any_of(partitions_, [](const auto& item) { return item.second->tail_bytes() > 0; });
}

task::Task<void> ShardLog::run() {
  while (!closing_ || flush_requested_ > flush_done_) {
    if (wal_->failure()) {
      // Nothing more is written here; those who wait are told.
      flush_status_ = fail(*wal_->failure());
      flush_done_ = flush_requested_;
      done_.notify_all();
      if (closing_) break;
      co_await work_.wait("log.flusher.offline", context_.after(kIdle));
      continue;
    }
    if (!removed_.empty() && context_.now() >= next_removal_) co_await destroy_removed();
    const std::uint64_t request = flush_requested_;
    const bool asked = request > flush_done_;
    if (asked || wants_flush()) {
      flushing_ = true;
      flush_status_ = co_await flush_round(asked ? wal_->durable() : wal_->last_complete_file_end());
      flushing_ = false;
      flush_done_ = request;
      compaction_due_ = true;  // segments may have been closed
      done_.notify_all();
      flush_ended(flush_status_);
      if (!flush_status_ && is_recoverable(flush_status_.error().code) && !closing_) {
        co_await work_.wait("log.flusher.retry", context_.after(kRetry));
      }
      continue;
    }
    if (context_.now() >= next_retention_) {
      co_await retention_round();
      next_retention_ = context_.now() + options_.retention_check;
      compaction_due_ = true;
      continue;
    }
    if (compaction_due_ && context_.now() >= next_compaction_ && !compacting_) {
      compaction_due_ = false;
      compacting_ = true;
      context_.spawn("log.compactor", compaction_round());
      continue;
    }
    // Sleep until asked; with a dirty tail, until it has been idle for a while.
    Duration sleep = std::min<Duration>(next_retention_ - context_.now(), kIdle);
    const bool is_dirty = dirty();
    if (is_dirty) sleep = std::min(sleep, options_.flush_idle);
    const bool compacts = compaction_due_ && !compacting_;
    if (compacts) sleep = std::min<Duration>(sleep, next_compaction_ - context_.now());
    if (!removed_.empty()) sleep = std::min<Duration>(sleep, kRetry);
    const bool is_short = compacts || !removed_.empty();
    const wal::GroupSequence seen = wal_->durable();
    const auto woken = co_await work_.wait("log.flusher.idle", context_.after(sleep));
    if (is_dirty && !is_short && woken == task::Woken::timed_out && wal_->durable() == seen) ++flush_requested_;
  }
  running_ = false;
  done_.notify_all();
}

void ShardLog::flush_ended(const Status& status) {
  flush_disk_full_ = !status && status.error().code == Errc::disk_full;
  const bool short_of_files = !status && status.error().code == Errc::overloaded;
  // One partition at a time needs but a few descriptors, and nothing idle shall hold any.
  flush_parallel_ = short_of_files ? 1 : std::max<std::size_t>(options_.flush_parallel, 1);
  if (short_of_files) cache_->drop_files();
}

task::Task<Status> ShardLog::flush_round(wal::GroupSequence cut) {
  const Instant begin = context_.now();
  CO_TRY_STATUS(co_await flush_partitions(cut));
  CO_TRY_STATUS(co_await write_checkpoint());
  CO_TRY_STATUS(co_await wal_->release(cut));
  flush_rounds_.add();
  flush_microseconds_.record(context_.now() - begin);
  co_return Status{};
}

task::Task<Status> ShardLog::flush_partitions(wal::GroupSequence cut) {
  auto round = std::make_shared<FlushRound>(context_);
  round->cut = cut;
  for (const auto& [id, partition] : partitions_) {
    if (partition->has_tail_through(cut)) round->queue.push_back(partition);
  }
  const std::size_t workers = std::min(flush_parallel_, round->queue.size());
  round->working = workers;
  for (std::size_t i = 0; i < workers; ++i) context_.spawn("log.flush_worker", flush_worker(round));
  while (round->working > 0) {
    // Each disk operation inside has its own deadline; this only re-arms.
    co_await round->finished.wait("log.flush_round", context_.after(options_.wal.stall_deadline));
  }
  co_return round->status;
}

task::Task<void> ShardLog::flush_worker(std::shared_ptr<FlushRound> round) {
  while (round->next < round->queue.size() && round->status) {
    const PartitionPtr partition = round->queue[round->next++];
    const Status status = co_await partition->flush(round->cut);
    if (status || partition->deleted()) continue;
    round->status = status;
    // Law 7: a full disk, or a want of descriptors, can be left again; anything else takes the directory offline.
    if (!is_recoverable(status.error().code)) wal_->fail(status.error());
  }
  --round->working;
  round->finished.notify_all();
}

task::Task<Status> ShardLog::write_checkpoint() {
  CheckpointRecord record;
  record.generation = options_.wal.generation;
  std::vector<std::pair<PartitionPtr, FilePosition>> recorded;
  for (const auto& [id, partition] : partitions_) {
    PartitionCheckpoint checkpoint = partition->checkpoint();
    const bool blank = !checkpoint.files && checkpoint.log_start.value() == 0;
    if (checkpoint.files) recorded.emplace_back(partition, *checkpoint.files);
    if (!blank) record.partitions.push_back(std::move(checkpoint));
  }
  const std::string name = "checkpoint-" + std::to_string(options_.wal.shard.value());
  Status status = co_await task::write_file_atomically(context_, options_.directory, name, encode(record), stall());
  if (!status && !is_recoverable(status.error().code)) wal_->fail(status.error());
  // A write that failed may have put the new record in place all the same: then the old positions are still in force
  // here, and both records' segments stay.
  if (status) {
    for (const auto& [partition, position] : recorded) partition->mark_recorded(position);
  }
  co_return status;
}

task::Task<void> ShardLog::retention_round() {
  std::vector<PartitionPtr> all;
  for (const auto& [id, partition] : partitions_) all.push_back(partition);
  const UnixMillis now = context_.wall_now();
  for (const PartitionPtr& partition : all) {
    if (partition->deleted() || wal_->failure()) continue;
    partition->expire_producers(UnixMillis(now.value() - options_.producer_expiration_ms));
    const Status status = co_await partition->apply_retention(now, stall());
    const bool recoverable = status || is_recoverable(status.error().code) || status.error().code == Errc::closed;
    if (!recoverable) wal_->fail(status.error());
  }
}

/// One partition after the other; the most that a run needs in memory is its map of keys.
task::Task<void> ShardLog::compaction_round() {
  std::vector<PartitionPtr> all;
  for (const auto& [id, partition] : partitions_) {
    if (partition->wants_compaction(context_.wall_now())) all.push_back(partition);
  }
  for (const PartitionPtr& partition : all) {
    if (closing_ || wal_->failure()) break;
    if (partition->deleted()) continue;
    const auto removed = co_await partition->compact(context_.wall_now());
    if (removed) compacted_records_.add(*removed);
    if (removed || partition->deleted() || is_recoverable(removed.error().code)) continue;
    const Errc code = removed.error().code;
    // Damage is the readers' to report: it stays as it is, and takes nothing else with it.
    if (code != Errc::closed && code != Errc::corrupt) wal_->fail(removed.error());
  }
  compacting_ = false;
  next_compaction_ = context_.now() + options_.compaction_backoff;
  done_.notify_all();
  work_.notify_all();
}

task::Task<void> ShardLog::destroy_removed() {
  const std::vector<PartitionPtr> batch = std::exchange(removed_, {});
  for (const PartitionPtr& partition : batch) {
    const Status status = co_await partition->destroy();
    if (status || status.error().code == Errc::not_found) continue;
    if (!is_recoverable(status.error().code)) {
      wal_->fail(status.error());
      continue;
    }
    removed_.push_back(partition);
    next_removal_ = context_.now() + kRetry;
  }
}

task::Task<Status> ShardLog::flush_all(Deadline until) {
  const std::uint64_t mine = ++flush_requested_;
  work_.notify_all();
  while (flush_done_ < mine && running_) {
    if (co_await done_.wait("log.flush_all", until) == task::Woken::timed_out) {
      co_return fail(Errc::timed_out, "log.flush_all");
    }
  }
  co_return flush_status_;
}

void ShardLog::request_retention() {
  next_retention_ = next_compaction_ = context_.now();
  work_.notify_all();
}

task::Task<Status> ShardLog::close(Deadline until) {
  Status status = co_await wal_->close(until);
  if (status) status = co_await flush_all(until);
  closing_ = true;
  work_.notify_all();
  // A run that is cut off is as after a crash: each segment is old or new.
  while (compacting_ && !wal_->failure()) {
    if (co_await done_.wait("log.close", until) == task::Woken::timed_out) break;
  }
  co_return status;
}

void ShardLog::check_invariants() const {
  for (const auto& [id, partition] : partitions_) partition->check_invariants();
}

}  // namespace chronik::log
