// The group in memory and its commit. Files: wal_files.cc.
#include "wal/wal.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "task/io.h"
#include "wal/counters.h"
#include "wal/group.h"

namespace chronik::wal {

namespace {
constexpr std::size_t kArenaBytes = 1U << 20;
constexpr std::size_t kControlReserve = 16 * kBlock;  // log-start frames fit when batches no longer do
constexpr Duration kIdle = 1h;                        // an idle loop looks up this often, for the sake of law 1 alone
}  // namespace

struct Wal::Counters : WalCounters {
  using WalCounters::WalCounters;
};

Wal::Wal(task::Context& context, Options options)
    : context_(context),
      options_(std::move(options)),
      counters_(std::make_unique<Counters>(context.metrics())),
      work_(context),
      idle_(context),
      room_changed_(context),
      prepare_(context),
      written_event_(context) {}

Wal::~Wal() = default;

task::Task<Result<std::unique_ptr<Wal>>> Wal::open(task::Context& context, Options options) {
  std::unique_ptr<Wal> wal(new Wal(context, std::move(options)));
  auto first = co_await wal->create_file(wal->options_.first_file_bytes);
  if (!first) co_return std::unexpected(std::move(first).error());
  wal->current_ = *std::move(first);
  context.spawn("wal.writer", wal->run_writer());
  context.spawn("wal.preparer", wal->run_preparer());
  context.spawn("wal.seal", wal->run_seal_timer());
  if (wal->options_.sync == SyncMode::interval) context.spawn("wal.interval_sync", wal->run_interval_sync());
  co_return wal;
}

std::uint64_t Wal::room_left() const {
  const std::uint64_t room = next_ ? next_->bytes - kBlock : current_.bytes - current_.used;
  return room > pending_ ? room - pending_ : 0;
}

Status Wal::check_room(std::size_t payload_bytes, bool control) const {
  if (failure_) return chronik::fail(*failure_);
  if (closing_) return chronik::fail(Errc::closed, "the write-ahead log is closing");
  const std::size_t need = align_up(sizeof(GroupHeader) + frame_bytes(payload_bytes), kBlock) + kBlock;
  const std::size_t reserve = control ? 0 : kControlReserve;
  if (need + reserve + kBlock > options_.file_bytes) {
    return chronik::fail(Errc::invalid_argument, "a batch of " + std::to_string(payload_bytes) +
                                                     " bytes does not fit a write-ahead log file of " +
                                                     std::to_string(options_.file_bytes));
  }
  if (room_left() >= need + reserve) return {};
  if (disk_full_) return chronik::fail(Errc::disk_full, "no space for another write-ahead log file");
  return chronik::fail(Errc::overloaded, "the write-ahead log is full until its oldest file is flushed");
}

task::Task<Status> Wal::room(std::size_t payload_bytes, Deadline until) {
  for (;;) {
    Status status = check_room(payload_bytes);
    if (status || status.error().code != Errc::overloaded) co_return status;
    if (co_await room_changed_.wait("wal.room", until) == task::Woken::timed_out) co_return check_room(payload_bytes);
  }
}

void Wal::seal_open_group() {
  if (!open_) return;
  arena_used_ = open_->begin + open_->padded();
  sealed_.push_back(std::move(*open_));
  open_.reset();
}

Wal::Group& Wal::group_for(std::size_t bytes) {
  if (open_ && open_->begin + open_->length + bytes + kBlock > open_->arena->capacity()) seal_open_group();
  if (open_) return *open_;
  const std::size_t need = align_up(sizeof(GroupHeader) + bytes, kBlock) + kBlock;
  if (!arena_ || arena_used_ + need > arena_->capacity()) {
    arena_ = Block::allocate(std::max(need, kArenaBytes), kBlock);
    arena_used_ = 0;
  }
  open_ = std::make_unique<Group>();
  open_->arena = arena_;
  open_->begin = arena_used_;
  reserved_ = reserved_.plus(1);
  open_->sequence = reserved_;
  open_->commit = std::make_shared<Commit>(context_);
  pending_ += open_->padded();
  return *open_;
}

Result<Reservation> Wal::reserve(const FrameInfo& frame, std::size_t payload_bytes, std::shared_ptr<FrameOwner> owner,
                                 bool control) {
  TRY_STATUS(check_room(payload_bytes, control));
  const std::size_t bytes = frame_bytes(payload_bytes);
  Group& group = group_for(bytes);
  const std::size_t padded_before = group.padded();

  FrameHeader header{};
  header.payload_bytes = static_cast<std::uint32_t>(payload_bytes);
  header.kind = static_cast<std::uint8_t>(frame.kind);
  std::memcpy(header.topic, frame.partition.topic.bytes.data(), sizeof header.topic);
  header.partition = frame.partition.partition.value();
  header.base_offset = frame.base.value();
  header.end_offset = frame.end.value();
  std::byte* const at = group.arena->data() + group.begin + group.length;
  std::memcpy(at, &header, sizeof header);
  std::byte* const payload = at + sizeof header;
  std::memset(payload + payload_bytes, 0, bytes - sizeof header - payload_bytes);

  group.length += bytes;
  ++group.frames;
  pending_ += group.padded() - padded_before;
  if (owner) {
    if (!group.owners.empty() && group.owners.back().first == owner) {
      group.owners.back().second = std::max(group.owners.back().second, frame.end);
    } else {
      group.owners.emplace_back(std::move(owner), frame.end);
    }
  }
  work_.notify_one();
  return Reservation{MutableByteSpan(payload, payload_bytes), Buffer(group.arena, ByteSpan(payload, payload_bytes)),
                     group.sequence, group.commit};
}

task::Task<Status> Wal::committed(CommitPtr commit, Deadline until) {
  while (!commit->status) {
    if (co_await commit->settled.wait("wal.commit", until) == task::Woken::timed_out && !commit->status) {
      co_return chronik::fail(Errc::timed_out, "wal.commit");
    }
  }
  co_return *commit->status;
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
  header.durable = durable_.value();
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
      if (closing_ || failure_) co_return;
      co_await work_.wait("wal.writer.idle", context_.after(kIdle));
    }
    writing_ = true;
    if (options_.linger > Duration{0} && !closing_) {
      co_await task::sleep_until(context_, "wal.linger", context_.after(options_.linger));
    }
    seal_open_group();
    std::deque<Group> groups = std::exchange(sealed_, {});
    const Status status = co_await write_groups(groups);
    if (!status) {
      // Law 7: the group that failed takes everything behind it along.
      for (auto& group : sealed_) groups.push_back(std::move(group));
      sealed_.clear();
      if (open_) groups.push_back(std::move(*open_));
      open_.reset();
      fail(status.error());
      settle(groups, groups.size());
    }
  }
}

/// Writes all groups, each wholly in one file; settles them as they become durable and leaves those that failed.
task::Task<Status> Wal::write_groups(std::deque<Group>& groups) {
  while (!groups.empty()) {
    if (failure_) co_return chronik::fail(*failure_);
    std::size_t count = 0;
    std::uint64_t room = current_.bytes - current_.used;
    while (count < groups.size() && groups[count].padded() <= room) room -= groups[count++].padded();
    if (count == 0) {
      // check_room admitted this group on the strength of the next file.
      CHECK(rotate());
      continue;
    }
    CO_TRY_STATUS(co_await write_run(groups, count));
    settle(groups, count);
  }
  co_return Status{};
}

task::Task<Status> Wal::write_run(std::deque<Group>& groups, std::size_t count) {
  std::vector<Buffer> pieces;
  std::uint64_t bytes = 0;
  std::uint64_t frames = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Group& group = groups[i];
    finish_header(group);
    const std::byte* const at = group.arena->data() + group.begin;
    // Neighbours in an arena are neighbours in the file: one piece.
    if (!pieces.empty() && pieces.back().data() + pieces.back().size() == at) {
      pieces.back() = Buffer(group.arena, ByteSpan(pieces.back().data(), pieces.back().size() + group.padded()));
    } else {
      pieces.emplace_back(group.arena, ByteSpan(at, group.padded()));
    }
    bytes += group.padded();
    frames += group.frames;
  }
  const env::Sync sync = options_.sync == SyncMode::group ? env::Sync::data : env::Sync::none;
  const Instant begin = context_.now();
  Status status = co_await task::write(context_, current_.file, current_.used, std::move(pieces), sync, stall());
  if (!status) {
    Error error = std::move(status).error();
    if (error.code == Errc::timed_out) {
      error = {Errc::storage_failed, "the disk did not complete a write-ahead log write within its stall deadline"};
    } else {
      error.code = Errc::storage_failed;
    }
    error.detail += " (" + path(current_.name) + ")";
    co_return chronik::fail(std::move(error));
  }
  current_.used += bytes;
  current_.last = groups[count - 1].sequence;
  counters_->commits.add();
  counters_->bytes.add(bytes);
  counters_->commit_microseconds.record(context_.now() - begin);
  counters_->commit_frames.record(frames);
  counters_->commit_bytes.record(bytes);
  co_return Status{};
}

/// Tells the first `count` groups' owners and waiters how it went, and forgets the groups.
void Wal::settle(std::deque<Group>& groups, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Group& group = groups.front();
    pending_ -= group.padded();
    if (!failure_) {
      durable_ = written_ = group.sequence;
      sealed_idle_ = group.frames == 0;
    }
    for (auto& [owner, end] : group.owners) {
      if (failure_) {
        owner->frames_failed(*failure_);
      } else {
        owner->frames_durable(end);
      }
    }
    group.commit->status = failure_ ? Status(chronik::fail(*failure_)) : Status{};
    group.commit->settled.notify_all();
    groups.pop_front();
  }
  unsynced_ = options_.sync != SyncMode::group;
  written_event_.notify_all();
  room_changed_.notify_all();
}

void Wal::fail(Error error) {
  if (failure_) return;
  error.code = Errc::storage_failed;
  failure_ = std::move(error);
  room_changed_.notify_all();
  work_.notify_all();
  prepare_.notify_all();
  written_event_.notify_all();
  if (on_file_completed_) on_file_completed_();
  if (on_failure_) on_failure_(*failure_);
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
    if (room_left() < 2 * kBlock) {
      // No place for a seal: the file stays as it is until the next group comes.
      co_await written_event_.wait("wal.seal.idle", context_.after(kIdle));
      continue;
    }
    group_for(0);
    work_.notify_one();
  }
}

task::Task<void> Wal::run_interval_sync() {
  while (!closing_ && !failure_) {
    if (!unsynced_) {
      co_await written_event_.wait("wal.interval_sync.idle", context_.after(kIdle));
      continue;
    }
    co_await task::sleep_until(context_, "wal.interval_sync.timer", context_.after(options_.sync_interval));
    unsynced_ = false;
    const Status status = co_await task::sync(context_, current_.file, stall());
    if (!status) fail(status.error());
  }
}

task::Task<Status> Wal::close(Deadline until) {
  if (!failure_ && !sealed_idle_ && room_left() >= 2 * kBlock && !open_) group_for(0);
  closing_ = true;
  work_.notify_all();
  prepare_.notify_all();
  written_event_.notify_all();
  room_changed_.notify_all();
  while (!failure_ && (writing_ || open_ || !sealed_.empty())) {
    if (co_await idle_.wait("wal.close", until) == task::Woken::timed_out) {
      co_return chronik::fail(Errc::timed_out, "wal.close");
    }
  }
  if (failure_) co_return chronik::fail(*failure_);
  co_return Status{};
}

Stats Wal::stats() const {
  return Stats{bytes_held(), pending_, complete_.size() + free_.size() + (next_ ? 2U : 1U), disk_full_};
}

}  // namespace chronik::wal
