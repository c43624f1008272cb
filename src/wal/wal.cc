// The face of the log and the group in memory. Its way to the disk: wal_writer.cc; files: wal_files.cc.
#include "wal/wal.h"

#include <algorithm>
#include <cstring>

#include "wal/counters.h"
#include "wal/group.h"

namespace chronik::wal {

namespace {
constexpr std::size_t kArenaBytes = 1U << 20;
constexpr std::uint64_t kFileBytesMax = 1ULL << 30;   // group lengths have 32 bits
constexpr std::size_t kControlReserve = 16 * kBlock;  // log-start frames fit when batches no longer do

/// Sizes that cannot come to a standstill: while one file waits for its flush, another takes what arrives.
Status check_sizes(const Options& options) {
  const std::uint64_t file_min = kControlReserve + 8 * kBlock;
  const char* wrong = nullptr;
  if (options.file_bytes < file_min || options.file_bytes > kFileBytesMax) wrong = "file_bytes out of range";
  if (options.first_file_bytes < 2 * kBlock || options.first_file_bytes > options.file_bytes) {
    wrong = "first_file_bytes out of range";
  }
  if (options.bytes_max < 2 * options.file_bytes) wrong = "bytes_max below two files";
  if (wrong) return chronik::fail(Errc::invalid_argument, std::string("write-ahead log: ") + wrong);
  return {};
}
}  // namespace

Wal::Wal(task::Context& context, Options options)
    : context_(context),
      options_(std::move(options)),
      counters_(std::make_unique<Counters>(context.metrics())),
      work_(context),
      idle_(context),
      room_changed_(context),
      prepare_(context),
      written_event_(context),
      scope_(context) {
  options_.file_bytes = options_.file_bytes / kBlock * kBlock;
  options_.first_file_bytes = options_.first_file_bytes / kBlock * kBlock;
}

Wal::~Wal() = default;

task::Task<Result<std::unique_ptr<Wal>>> Wal::open(task::Context& context, Options options) {
  CO_TRY_STATUS(check_sizes(options));
  std::unique_ptr<Wal> wal(new Wal(context, std::move(options)));
  auto first = co_await wal->create_file(wal->options_.first_file_bytes);
  if (!first) co_return std::unexpected(std::move(first).error());
  wal->current_ = *std::move(first);
  wal->scope_.spawn("wal.writer", wal->run_writer());
  wal->scope_.spawn("wal.preparer", wal->run_preparer());
  wal->scope_.spawn("wal.seal", wal->run_seal_timer());
  if (wal->options_.sync == SyncMode::interval) wal->scope_.spawn("wal.interval_sync", wal->run_interval_sync());
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
  if (owner) note_owner(group, std::move(owner), frame.end);
  work_.notify_one();
  return Reservation{MutableByteSpan(payload, payload_bytes), Buffer(group.arena, ByteSpan(payload, payload_bytes)),
                     group.sequence, group.commit};
}

/// However many frames of a group are its own, an owner is told once.
void Wal::note_owner(Group& group, std::shared_ptr<FrameOwner> owner, LogEndOffset end) {
  if (owner->noted_in_ == group.sequence) {
    LogEndOffset& noted = group.owners[owner->noted_as_].second;
    noted = std::max(noted, end);
    return;
  }
  owner->noted_in_ = group.sequence;
  owner->noted_as_ = group.owners.size();
  group.owners.emplace_back(std::move(owner), end);
}

task::Task<Status> Wal::committed(CommitPtr commit, Deadline until) {
  while (!commit->status) {
    if (co_await commit->settled.wait("wal.commit", until) == task::Woken::timed_out && !commit->status) {
      co_return chronik::fail(Errc::timed_out, "wal.commit");
    }
  }
  co_return *commit->status;
}

/// Waits until the writer has nothing left.
task::Task<Status> Wal::drain(Deadline until) {
  while (!failure_ && (writing_ || open_ || !sealed_.empty())) {
    if (co_await idle_.wait("wal.close", until) == task::Woken::timed_out) {
      co_return chronik::fail(Errc::timed_out, "wal.close");
    }
  }
  if (failure_) co_return chronik::fail(*failure_);
  co_return Status{};
}

task::Task<Status> Wal::close(Deadline until) {
  closing_ = true;
  prepare_.notify_all();
  written_event_.notify_all();
  room_changed_.notify_all();
  CO_TRY_STATUS(co_await drain(until));
  if (options_.sync == SyncMode::interval) CO_TRY_STATUS(co_await sync_written());
  // Only now, when all before it is durable, does a seal vouch for all of it.
  if (!sealed_idle_ && synced_ == written_ && room_left() >= 2 * kBlock) put_seal();
  CO_TRY_STATUS(co_await drain(until));
  if (options_.sync == SyncMode::interval) CO_TRY_STATUS(co_await sync_written());
  closed_ = true;
  work_.notify_all();
  co_return Status{};
}

Stats Wal::stats() const {
  const std::size_t files = released_.size() + free_.size() + complete_.size() + (next_ ? 2U : 1U);
  return Stats{bytes_held(), pending_, files, disk_full_};
}

}  // namespace chronik::wal
