// Writing a run of batches into a .log file. A large run goes around the page cache: copying it there costs more
// processor time than all the rest of a flush. What direct I/O cannot take, the ends of the run that do not fill an
// aligned unit, goes through the cache; the two never share a unit within one call, and the kernel keeps them coherent
// between calls.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "log/segment.h"
#include "task/io.h"

namespace chronik::log {
namespace {

constexpr std::size_t kChunk = 1U << 20;  // of one direct write: below it the device is not kept busy
constexpr std::size_t kInFlight = 2;      // one is filled while the other is written

/// Walks over the bytes of a row of pieces.
class Cursor {
 public:
  explicit Cursor(std::vector<Buffer> pieces) : pieces_(std::move(pieces)) {}

  std::vector<Buffer> take(std::size_t bytes) {
    std::vector<Buffer> taken;
    while (bytes > 0) {
      const std::size_t part = std::min(bytes, front().size() - at_);
      taken.push_back(front().slice(at_, part));
      skip(part);
      bytes -= part;
    }
    return taken;
  }

  void copy(std::byte* to, std::size_t bytes) {
    while (bytes > 0) {
      const std::size_t part = std::min(bytes, front().size() - at_);
      std::memcpy(to, front().data() + at_, part);
      skip(part);
      to += part;
      bytes -= part;
    }
  }

 private:
  const Buffer& front() const { return pieces_[index_]; }
  void skip(std::size_t bytes) {
    at_ += bytes;
    if (at_ < front().size()) return;
    // Memory that is written need not wait for the rest of the run.
    pieces_[index_++] = {};
    at_ = 0;
  }

  std::vector<Buffer> pieces_;
  std::size_t index_ = 0;
  std::size_t at_ = 0;
};

struct Slot {
  std::shared_ptr<Block> block;
  std::unique_ptr<task::Operation<void>> running;

  /// Ends what runs; then the block is free, unless the wait gave up before the kernel did.
  task::Task<Status> finish() {
    if (!running) co_return Status{};
    const auto operation = std::move(running);
    co_return co_await *operation;
  }
};

/// `bytes` of `cursor` to `position`, both multiples of the file's alignment.
task::Task<Status> write_direct(SegmentIo io, env::FilePtr file, std::uint64_t position, std::uint64_t bytes,
                                Cursor& cursor) {
  std::array<Slot, kInFlight> slots;
  Status status;
  for (std::size_t turn = 0; bytes > 0 && status; ++turn) {
    Slot& slot = slots[turn % kInFlight];
    status = co_await slot.finish();
    if (!status) break;
    const std::size_t length = std::min<std::uint64_t>(bytes, kChunk);
    if (!slot.block) slot.block = Block::allocate(length, file->alignment());
    cursor.copy(slot.block->data(), length);
    std::vector<Buffer> pieces;
    pieces.emplace_back(slot.block, ByteSpan(slot.block->data(), length));
    slot.running = std::make_unique<task::Operation<void>>(io.context, "disk.write", io.stall());
    file->write(position, std::move(pieces), env::Sync::none, slot.running->callback());
    position += length;
    bytes -= length;
  }
  for (Slot& slot : slots) {
    const Status one = co_await slot.finish();
    if (!one && status) status = one;
  }
  co_return status;
}

/// Null if the file system has no direct I/O, or descriptors are short: the page cache will do. The cache may close the
/// descriptor although the file is not synced, since a direct write tells its errors at once.
task::Task<Result<env::FilePtr>> open_direct(SegmentIo io, SegmentPtr segment) {
  if (segment->direct.file) {
    io.cache->touch(segment->direct);
    co_return segment->direct.file;
  }
  auto opened = co_await task::open(io.context, segment->path(kLogSuffix), {.direct = true}, io.stall());
  if (!opened && opened.error().code == Errc::overloaded) co_return nullptr;
  if (!opened) co_return std::unexpected(std::move(opened).error());
  if ((*opened)->alignment() == 1) co_return nullptr;
  segment->direct.file = *opened;
  io.cache->keep(segment->direct);
  co_return *std::move(opened);
}

task::Task<Status> write_around_cache(SegmentIo io, SegmentPtr segment, env::FilePtr direct, std::uint64_t position,
                                      std::vector<Buffer> pieces) {
  const std::uint64_t unit = direct->alignment();
  std::uint64_t end = position;
  for (const Buffer& piece : pieces) end += piece.size();
  const std::uint64_t last = end / unit * unit;
  std::uint64_t first = (position + unit - 1) / unit * unit;
  if (last <= first) {
    co_return co_await task::write(io.context, segment->unsynced_log, position, std::move(pieces), env::Sync::none,
                                   io.stall());
  }
  if (!segment->partial.empty() && segment->partial_at % unit == 0 &&
      segment->partial_at + segment->partial.size() == position) {
    // These bytes are on the disk already, and stay what they are.
    first = segment->partial_at;
    pieces.insert(pieces.begin(), segment->partial);
  }
  Cursor cursor(std::move(pieces));
  if (first > position) {
    CO_TRY_STATUS(co_await task::write(io.context, segment->unsynced_log, position, cursor.take(first - position),
                                       env::Sync::none, io.stall()));
  }
  CO_TRY_STATUS(co_await write_direct(io, direct, first, last - first, cursor));
  std::vector<Buffer> rest = cursor.take(end - last);
  auto partial = Block::allocate(std::max<std::size_t>(end - last, 1));
  Cursor(rest).copy(partial->data(), end - last);
  if (end > last) {
    CO_TRY_STATUS(
        co_await task::write(io.context, segment->unsynced_log, last, std::move(rest), env::Sync::none, io.stall()));
  }
  segment->partial = Buffer(partial, ByteSpan(partial->data(), end - last));
  segment->partial_at = last;
  co_return Status{};
}

}  // namespace

task::Task<Status> write_log(SegmentIo io, SegmentPtr segment, std::uint64_t position, std::vector<Buffer> pieces) {
  std::uint64_t total = 0;
  for (const Buffer& piece : pieces) total += piece.size();
  env::FilePtr direct;
  if (total >= io.direct_bytes_min) {
    CO_TRY(direct, co_await open_direct(io, segment));
  }
  if (!direct) {
    co_return co_await task::write(io.context, segment->unsynced_log, position, std::move(pieces), env::Sync::none,
                                   io.stall());
  }
  co_return co_await write_around_cache(io, segment, direct, position, std::move(pieces));
}

}  // namespace chronik::log
