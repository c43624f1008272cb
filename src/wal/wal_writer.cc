// From the group in memory to the disk: group commit, seals, the relaxed sync modes.
#include <cstring>

#include "base/canary.h"
#include "base/crc32c.h"
#include "task/io.h"
#include "wal/counters.h"
#include "wal/group.h"

namespace chronik::wal {

namespace {
constexpr Duration kIdle = 1h;  // an idle loop looks up this often, for the sake of law 1 alone
}

void Wal::finish_header(Group& group) {
  std::byte* const at = group.arena->data() + group.begin;
  std::memset(at + group.length, 0, group.padded() - group.length);
  GroupHeader header{};
  header.magic = kGroupMagic;
  header.length = static_cast<std::uint32_t>(group.length);
  header.log_id = options_.log_id.value();
  header.generation = options_.generation.value();
  header.sequence = group.sequence.value();
  header.durable = synced_.value();
  header.frames = group.frames;
  header.shard = options_.shard.value();
  header.previous_crc = previous_crc_;
  header.body_crc = crc32c(ByteSpan(at + sizeof header, group.length - sizeof header));
  seal(header);
  previous_crc_ = header.crc;
  std::memcpy(at, &header, sizeof header);
}

task::Task<void> Wal::run_writer() {
  for (;;) {
    while (!open_ && sealed_.empty()) {
      writing_ = false;
      idle_.notify_all();
      if (closed_ || failure_) co_return;
      co_await work_.wait("wal.writer.idle", context_.after(kIdle));
    }
    writing_ = true;
    if (options_.linger > Duration{0} && !closing_) {
      co_await task::sleep_until(context_, "wal.linger", context_.after(options_.linger));
    }
    seal_open_group();
    flight_ = std::exchange(sealed_, {});
    const Status status = co_await write_flight();
    if (!status) fail_everything(status.error());
  }
}

/// Law 7: the group that failed takes everything behind it along.
void Wal::fail_everything(Error error) {
  seal_open_group();
  for (auto& group : sealed_) flight_.push_back(std::move(group));
  sealed_.clear();
  fail(std::move(error));
  settle(flight_.size());
}

/// Writes all groups in flight, each wholly in one file; settles them as they become durable, leaves those that failed.
task::Task<Status> Wal::write_flight() {
  while (!flight_.empty()) {
    if (failure_) co_return chronik::fail(*failure_);
    std::size_t count = 0;
    std::uint64_t room = current_.bytes - current_.used;
    while (count < flight_.size() && flight_[count].padded() <= room) room -= flight_[count++].padded();
    if (count == 0) {
      // check_room admitted this group on the strength of the next file.
      CHECK(rotate());
      continue;
    }
    CO_TRY_STATUS(co_await write_run(count));
    settle(count);
  }
  co_return Status{};
}

task::Task<Status> Wal::write_run(std::size_t count) {
  std::vector<Buffer> pieces;
  std::uint64_t at_file = current_.used;
  std::uint64_t bytes = 0;
  std::uint64_t frames = 0;
  if (current_.used == kBlock) {
    // With its first group a file also gets the header that makes its groups count.
    pieces.push_back(header_block(current_, flight_.front().sequence));
    at_file = 0;
  }
  for (std::size_t i = 0; i < count; ++i) {
    Group& group = flight_[i];
    finish_header(group);
    const std::byte* const at = group.arena->data() + group.begin;
    const bool neighbour = i > 0 && flight_[i - 1].arena == group.arena;
    // Neighbours in an arena are neighbours in the file: one piece.
    if (neighbour && pieces.back().data() + pieces.back().size() == at) {
      pieces.back() = Buffer(group.arena, ByteSpan(pieces.back().data(), pieces.back().size() + group.padded()));
    } else {
      pieces.emplace_back(group.arena, ByteSpan(at, group.padded()));
    }
    bytes += group.padded();
    frames += group.frames;
  }
  const bool synced = options_.sync == SyncMode::group && !canary(Canary::ack_before_fsync);
  const env::Sync sync = synced ? env::Sync::data : env::Sync::none;
  const Instant begin = context_.now();
  Status status = co_await task::write(context_, current_.file, at_file, std::move(pieces), sync, stall());
  if (!status && !canary(Canary::fsync_error_ignored)) {
    Error error = std::move(status).error();
    if (error.code == Errc::timed_out) {
      error.detail = "the disk did not complete a write-ahead log write within its stall deadline";
    }
    error.code = Errc::storage_failed;
    error.detail += " (" + path(current_.name) + ")";
    co_return chronik::fail(std::move(error));
  }
  current_.used += bytes;
  current_.last = flight_[count - 1].sequence;
  if (options_.sync == SyncMode::interval && (unsynced_.empty() || unsynced_.back() != current_.file)) {
    unsynced_.push_back(current_.file);
  }
  counters_->commits.add();
  counters_->bytes.add(bytes);
  counters_->commit_microseconds.record(context_.now() - begin);
  counters_->commit_frames.record(frames);
  counters_->commit_bytes.record(bytes);
  co_return Status{};
}

/// Tells the owners and waiters of the first `count` groups in flight how it went, and forgets the groups.
void Wal::settle(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Group group = std::move(flight_.front());
    flight_.pop_front();
    pending_ -= group.padded();
    if (!failure_) {
      durable_ = written_ = group.sequence;
      if (options_.sync == SyncMode::group) synced_ = group.sequence;
      sealed_idle_ = group.frames == 0;
    }
    // One verdict for the whole group, whatever an owner does when it hears it.
    const std::optional<Error> failed = failure_;
    group.commit->status = failed ? Status(chronik::fail(*failed)) : Status{};
    for (const auto& [owner, end] : group.owners) {
      if (failed) {
        owner->frames_failed(*failed);
      } else {
        owner->frames_durable(end);
      }
    }
    group.commit->settled.notify_all();
  }
  written_event_.notify_all();
  room_changed_.notify_all();
}

void Wal::fail(Error error) {
  if (failure_) return;
  if (error.code == Errc::timed_out) error.detail += ": the disk did not complete it within its stall deadline";
  error.code = Errc::storage_failed;
  failure_ = std::move(error);
  room_changed_.notify_all();
  work_.notify_all();
  idle_.notify_all();
  prepare_.notify_all();
  written_event_.notify_all();
  if (on_file_completed_) on_file_completed_();
  if (on_failure_) on_failure_(*failure_);
}

/// An empty group: its header says that all before it is durable.
void Wal::put_seal() {
  group_for(0);
  work_.notify_one();
}

task::Task<void> Wal::run_seal_timer() {
  while (!closing_ && !failure_) {
    if (sealed_idle_) {
      co_await written_event_.wait("wal.seal.idle", context_.after(kIdle));
      continue;
    }
    const GroupSequence seen = written_;
    co_await task::sleep_until(context_, "wal.seal.timer", context_.after(options_.seal_after));
    if (closing_ || failure_ || sealed_idle_ || written_ != seen || open_ || writing_) continue;
    // A seal before the interval's sync would vouch for nothing.
    const bool can_vouch = options_.sync != SyncMode::none && synced_ == written_;
    if (!can_vouch || room_left() < 2 * kBlock) {
      // No place or no use for a seal: the log stays as it is until something changes.
      co_await written_event_.wait("wal.seal.idle", context_.after(kIdle));
      continue;
    }
    put_seal();
  }
}

/// Interval mode: makes what is written now durable.
task::Task<Status> Wal::sync_written() {
  const GroupSequence through = written_;
  const std::vector<env::FilePtr> files = std::exchange(unsynced_, {});
  for (const env::FilePtr& file : files) {
    const Status status = co_await task::sync(context_, file, stall());
    if (!status) {
      fail(status.error());
      co_return chronik::fail(*failure_);
    }
  }
  synced_ = std::max(synced_, through);
  written_event_.notify_all();
  co_return Status{};
}

task::Task<void> Wal::run_interval_sync() {
  while (!closing_ && !failure_) {
    if (unsynced_.empty()) {
      co_await written_event_.wait("wal.interval_sync.idle", context_.after(kIdle));
      continue;
    }
    co_await task::sleep_until(context_, "wal.interval_sync.timer", context_.after(options_.sync_interval));
    if (closing_ || failure_) co_return;
    (void)co_await sync_written();
  }
}

}  // namespace chronik::wal
