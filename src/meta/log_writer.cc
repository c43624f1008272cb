#include "meta/log_writer.h"

#include <algorithm>

#include "base/recoverable.h"
#include "task/io.h"

namespace chronik::meta {

namespace {
constexpr std::uint64_t kReserveBytes = 256U << 10;  // a full disk shows here, not in a write
}

LogWriter::LogWriter(task::Context& context, std::string directory, Duration stall)
    : context_(context), directory_(std::move(directory)), stall_(stall) {}

task::Task<Status> LogWriter::make_directory() {
  auto listed = co_await task::list(context_, directory_, deadline());
  if (listed || listed.error().code != Errc::not_found) {
    co_return listed ? Status{} : Status(fail(listed.error()));
  }
  CO_TRY_STATUS(co_await task::make_directory(context_, directory_, deadline()));
  const auto slash = directory_.rfind('/');
  co_return co_await task::sync_directory(context_, slash == std::string::npos ? "." : directory_.substr(0, slash),
                                          deadline());
}

void LogWriter::resume(const LogReplay& replayed) {
  position_ = replayed.position;
  number_ = replayed.highest_number;
  bytes_since_snapshot_ = replayed.bytes;
  files_ = replayed.files;
  unproven_ = replayed.bytes > 0;
}

task::Task<Status> LogWriter::begin_file() {
  const std::string path = directory_ + "/" + log_file_name(++number_);
  CO_TRY(auto file, co_await task::open(context_, path, {.create = true, .exclusive = true}, deadline()));
  files_.push_back(path);
  auto begun = co_await task::allocate(context_, file, 0, kReserveBytes, deadline());
  if (begun) {
    begun =
        co_await task::write(context_, file, 0, {encode_file_header(number_, position_)}, env::Sync::data, deadline());
  }
  if (begun) begun = co_await task::sync_directory(context_, directory_, deadline());
  if (!begun) {
    // Give the space back; if that fails too, the next start ignores a file without commands.
    if (is_recoverable(begun.error().code) && co_await task::remove(context_, path, deadline())) files_.pop_back();
    co_return begun;
  }
  file_ = std::move(file);
  offset_ = kLogBlock;
  reserved_ = kReserveBytes;
  sealed_ = true;
  co_return Status{};
}

task::Task<Status> LogWriter::reserve(std::size_t bytes) {
  if (offset_ + bytes <= reserved_) co_return Status{};
  const std::uint64_t more = std::max<std::uint64_t>(kReserveBytes, offset_ + bytes - reserved_);
  CO_TRY_STATUS(co_await task::allocate(context_, file_, reserved_, more, deadline()));
  reserved_ += more;
  co_return Status{};
}

task::Task<Status> LogWriter::put(Buffer blocks, env::Sync sync) {
  const std::size_t bytes = blocks.size();
  CO_TRY_STATUS(co_await reserve(bytes));
  auto written = co_await task::write(context_, file_, offset_, {std::move(blocks)}, sync, deadline());
  if (!written) {
    file_.reset();  // what the disk holds at this place is not known: never write there again
    co_return written;
  }
  offset_ += bytes;
  bytes_since_snapshot_ += bytes;
  co_return Status{};
}

task::Task<Status> LogWriter::append(const std::vector<Buffer>& commands) {
  CHECK(!unproven_);
  if (!file_) CO_TRY_STATUS(co_await begin_file());
  LogPosition end = position_;
  Buffer group = encode_group(end, commands);
  auto written = co_await put(std::move(group), env::Sync::data);
  if (written) {
    position_ = end;
    sealed_ = false;
    co_return Status{};
  }
  // The header of a new file says that the failed group does not count.
  if (!file_ && is_recoverable(written.error().code)) {
    auto begun = co_await begin_file();
    if (!begun && !is_recoverable(begun.error().code)) co_return begun;
  }
  co_return written;
}

task::Task<Status> LogWriter::seal() {
  if (sealed_ || !file_) co_return Status{};
  sealed_ = true;
  co_return co_await put(encode_seal(position_), env::Sync::none);
}

task::Task<Status> LogWriter::snapshot(Buffer state) {
  Buffer content = encode_snapshot(position_, state.span());
  const std::string name(kSnapshotName);
  auto kept = co_await task::write_file_atomically(context_, directory_, name, std::move(content), deadline());
  if (!kept) {
    // Give the space back; what cannot be removed is overwritten by the next attempt.
    if (is_recoverable(kept.error().code)) {
      (void)co_await task::remove(context_, directory_ + "/" + name + ".tmp", deadline());
    }
    co_return kept;
  }
  bytes_since_snapshot_ = 0;
  unproven_ = false;
  CO_TRY_STATUS(co_await begin_file());
  // All but the new one.
  while (files_.size() > 1) {
    auto removed = co_await task::remove(context_, files_.front(), deadline());
    if (!removed && removed.error().code != Errc::not_found) co_return removed;
    files_.erase(files_.begin());
  }
  co_return Status{};
}

}  // namespace chronik::meta
