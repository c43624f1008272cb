// The files of one Wal: creation, zeroing in the background, rotation, recycling.
#include <cstring>

#include "base/recoverable.h"
#include "task/io.h"
#include "wal/group.h"
#include "wal/wal.h"

namespace chronik::wal {

namespace {
constexpr std::size_t kZeroPiece = 1U << 20;
constexpr std::size_t kFreeFilesMax = 2;
constexpr Duration kRetry = 1s;  // while the disk is full or descriptors are short, and only then
constexpr Duration kIdle = 1h;
}  // namespace

std::uint64_t Wal::bytes_held() const {
  std::uint64_t bytes = current_.bytes + (next_ ? next_->bytes : 0);
  for (const LogFile& file : complete_) bytes += file.bytes;
  for (const LogFile& file : released_) bytes += file.bytes;
  for (const LogFile& file : free_) bytes += file.bytes;
  return bytes;
}

std::uint64_t Wal::bytes_complete() const {
  std::uint64_t bytes = 0;
  for (const LogFile& file : complete_) bytes += file.bytes;
  return bytes;
}

Buffer Wal::header_block(const LogFile& file, GroupSequence first) const {
  auto block = Block::allocate(kBlock, kBlock);
  std::memset(block->data(), 0, kBlock);
  FileHeader header{};
  header.magic = kFileMagic;
  header.version = kFormatVersion;
  header.shard = options_.shard.value();
  header.log_id = options_.log_id.value();
  header.generation = options_.generation.value();
  header.number = file.number;
  header.bytes = file.bytes;
  header.first = first.value();
  seal(header);
  std::memcpy(block->data(), &header, sizeof header);
  const ByteSpan bytes(block->data(), kBlock);
  return Buffer(std::move(block), bytes);
}

task::Task<Status> Wal::write_header(const LogFile& file) {
  return task::write(context_, file.file, 0, {header_block(file, GroupSequence{})}, env::Sync::data, stall());
}

task::Task<Status> Wal::zero(env::FilePtr file, std::uint64_t bytes) {
  auto block = Block::allocate(kZeroPiece, kBlock);
  std::memset(block->data(), 0, kZeroPiece);
  const Buffer zeros(block, ByteSpan(block->data(), kZeroPiece));
  for (std::uint64_t at = 0; at < bytes; at += kZeroPiece) {
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(kZeroPiece, bytes - at));
    CO_TRY_STATUS(co_await task::write(context_, file, at, {zeros.slice(0, length)}, env::Sync::none, stall()));
  }
  co_return Status{};
}

/// A new file, zeroed and durable, header and directory entry included. What a failure leaves behind is removed.
task::Task<Result<Wal::LogFile>> Wal::create_file(std::uint64_t bytes) {
  LogFile made;
  made.number = ++files_created_;  // spent even if this fails: a name is never used twice
  made.name = file_name(options_.generation, options_.shard, made.number);
  made.bytes = align_up(bytes, kBlock);
  auto file = co_await task::open(context_, path(made.name),
                                  {.create = true, .exclusive = true, .direct = options_.direct}, stall());
  if (!file) co_return std::unexpected(std::move(file).error());
  made.file = *std::move(file);
  Status status = co_await task::allocate(context_, made.file, 0, made.bytes, stall());
  if (status) status = co_await zero(made.file, made.bytes);
  if (status) status = co_await write_header(made);
  if (status) status = co_await task::sync_directory(context_, options_.directory, stall());
  if (status) co_return made;
  if (is_recoverable(status.error().code)) {
    made.file.reset();
    // What stays behind must not: it would stand in the row of files.
    const Status removed = co_await task::remove(context_, path(made.name), stall());
    if (!removed) co_return chronik::fail(Errc::storage_failed, removed.error().detail);
  }
  co_return chronik::fail(status.error().code, status.error().detail + " (" + path(made.name) + ")");
}

/// Gives the oldest released file a new number and a header that disowns what it holds.
task::Task<Status> Wal::retire_oldest() {
  LogFile& file = released_.front();  // stays there until all is durable; only the preparer takes from this end
  const std::uint64_t number = ++files_created_;
  const std::string name = file_name(options_.generation, options_.shard, number);
  CO_TRY_STATUS(co_await task::rename(context_, path(file.name), path(name), stall()));
  file.name = name;
  file.number = number;
  file.used = kBlock;
  file.last = GroupSequence{};
  CO_TRY_STATUS(co_await write_header(file));
  CO_TRY_STATUS(co_await task::sync_directory(context_, options_.directory, stall()));
  free_.push_back(std::move(file));
  released_.pop_front();
  co_return Status{};
}

task::Task<Status> Wal::remove_oldest() {
  const std::string name = path(released_.front().name);
  const Status removed = co_await task::remove(context_, name, stall());
  if (!removed && removed.error().code != Errc::not_found) co_return removed;
  CO_TRY_STATUS(co_await task::sync_directory(context_, options_.directory, stall()));
  released_.pop_front();
  co_return Status{};
}

void Wal::adopt_next(LogFile file) {
  next_ = std::move(file);
  disk_full_ = false;
  room_changed_.notify_all();
  work_.notify_all();
}

/// All changes of the directory are made here, one at a time, each durable before the next. So whenever the power goes,
/// the files in use are an unbroken row: a file missing from its middle can only be damage.
task::Task<void> Wal::run_preparer() {
  while (!closing_ && !failure_) {
    Status status;
    if (!next_ && !free_.empty()) {
      adopt_next(std::move(free_.front()));
      free_.pop_front();
    } else if (!released_.empty()) {
      const bool wanted = free_.size() < kFreeFilesMax || (!next_ && free_.empty());
      const bool fits = released_.front().bytes == options_.file_bytes;
      status = wanted && fits ? co_await retire_oldest() : co_await remove_oldest();
      room_changed_.notify_all();
    } else if (!next_ && bytes_held() + options_.file_bytes <= options_.bytes_max) {
      auto made = co_await create_file(options_.file_bytes);
      if (made) {
        adopt_next(*std::move(made));
      } else {
        status = chronik::fail(std::move(made).error());
      }
    } else {
      co_await prepare_.wait("wal.prepare.idle", context_.after(kIdle));
    }
    if (status) continue;
    if (!is_recoverable(status.error().code)) {
      fail(status.error());
      co_return;
    }
    disk_full_ = !next_ && status.error().code == Errc::disk_full;
    room_changed_.notify_all();
    co_await prepare_.wait("wal.prepare.retry", context_.after(kRetry));
  }
}

/// Makes the prepared file the current one; false if none is ready.
bool Wal::rotate() {
  if (!next_) return false;
  complete_.push_back(std::move(current_));
  current_ = *std::move(next_);
  next_.reset();
  prepare_.notify_all();
  if (on_file_completed_) on_file_completed_();
  return true;
}

GroupSequence Wal::last_complete_file_end() const {
  // A file that never took a group counts with what came before it.
  for (auto file = complete_.rbegin(); file != complete_.rend(); ++file) {
    if (file->last > GroupSequence{}) return file->last;
  }
  return GroupSequence{};
}

task::Task<Status> Wal::release(GroupSequence through) {
  if (failure_) co_return chronik::fail(*failure_);
  while (!complete_.empty() && complete_.front().last <= through) {
    released_.push_back(std::move(complete_.front()));
    complete_.pop_front();
  }
  prepare_.notify_all();
  co_return Status{};
}

}  // namespace chronik::wal
