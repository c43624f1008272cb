// The files of one Wal: creation, zeroing in the background, rotation, recycling.
#include <cstring>

#include "task/io.h"
#include "wal/counters.h"
#include "wal/group.h"
#include "wal/wal.h"

namespace chronik::wal {

namespace {
constexpr std::size_t kZeroPiece = 1U << 20;
constexpr std::size_t kFreeFilesMax = 2;
constexpr Duration kDiskFullRetry = 1s;  // while the disk is full, and only then
constexpr Duration kIdle = 1h;
}  // namespace

std::uint64_t Wal::bytes_held() const {
  std::uint64_t bytes = current_.bytes + (next_ ? next_->bytes : 0);
  for (const LogFile& file : complete_) bytes += file.bytes;
  for (const LogFile& file : free_) bytes += file.bytes;
  return bytes;
}

std::uint64_t Wal::bytes_complete() const {
  std::uint64_t bytes = 0;
  for (const LogFile& file : complete_) bytes += file.bytes;
  return bytes;
}

task::Task<Status> Wal::write_header(const LogFile& file) {
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
  seal(header);
  std::memcpy(block->data(), &header, sizeof header);
  const ByteSpan bytes(block->data(), kBlock);
  return task::write(context_, file.file, 0, {Buffer(std::move(block), bytes)}, env::Sync::data, stall());
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
  made.number = ++files_created_;
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
  if (status.error().code == Errc::disk_full) {
    made.file.reset();
    (void)co_await task::remove(context_, path(made.name), stall());
  }
  co_return chronik::fail(status.error().code, status.error().detail + " (" + path(made.name) + ")");
}

/// Gives a released file a new number. Stale groups in it carry sequences below what replay expects there.
task::Task<Result<Wal::LogFile>> Wal::recycle_file(LogFile old) {
  LogFile made = std::move(old);
  const std::string old_name = made.name;
  made.number = ++files_created_;
  made.name = file_name(options_.generation, options_.shard, made.number);
  made.used = kBlock;
  made.last = GroupSequence{};
  CO_TRY_STATUS(co_await task::rename(context_, path(old_name), path(made.name), stall()));
  CO_TRY_STATUS(co_await write_header(made));
  CO_TRY_STATUS(co_await task::sync_directory(context_, options_.directory, stall()));
  co_return made;
}

task::Task<void> Wal::run_preparer() {
  while (!closing_ && !failure_) {
    const bool may_grow = bytes_held() + options_.file_bytes <= options_.bytes_max;
    if (next_ || (free_.empty() && !may_grow)) {
      co_await prepare_.wait("wal.prepare.idle", context_.after(kIdle));
      continue;
    }
    std::optional<LogFile> old;
    if (!free_.empty()) {
      old = std::move(free_.back());
      free_.pop_back();
    }
    auto made = old ? co_await recycle_file(*std::move(old)) : co_await create_file(options_.file_bytes);
    if (made) {
      next_ = *std::move(made);
      disk_full_ = false;
      room_changed_.notify_all();
      work_.notify_all();
    } else if (made.error().code == Errc::disk_full) {
      disk_full_ = true;
      room_changed_.notify_all();
      co_await prepare_.wait("wal.prepare.disk_full", context_.after(kDiskFullRetry));
    } else {
      fail(made.error());
    }
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
  bool removed = false;
  while (!complete_.empty() && complete_.front().last <= through) {
    LogFile file = std::move(complete_.front());
    complete_.pop_front();
    if (file.bytes == options_.file_bytes && free_.size() < kFreeFilesMax && !disk_full_) {
      free_.push_back(std::move(file));
      continue;
    }
    file.file.reset();
    CO_TRY_STATUS(co_await task::remove(context_, path(file.name), stall()));
    removed = true;
  }
  prepare_.notify_all();
  if (removed) co_return co_await task::sync_directory(context_, options_.directory, stall());
  co_return Status{};
}

}  // namespace chronik::wal
