#include "env/real/real_file.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace chronik::env {

RealFile::RealFile(Blocking blocking, OpenedFile opened, std::string path, bool read_only)
    : blocking_(std::move(blocking)), opened_(opened), path_(std::move(path)), read_only_(read_only) {}

RealFile::~RealFile() {
  blocking_.pool->run([fd = opened_.fd] { close_file(fd); });
}

void RealFile::check_alignment(std::uint64_t offset, const std::vector<Buffer>& pieces) const {
  const std::size_t unit = opened_.alignment;
  if (unit == 1) return;
  CHECK(offset % unit == 0);
  for (const Buffer& piece : pieces) {
    CHECK(piece.size() % unit == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(piece.data()) % unit == 0);
  }
}

Status RealFile::refuse_read_only() const {
  return fail(Errc::permission_denied, path_ + " is open for reading");
}

void RealFile::truncate(std::uint64_t size, Callback<void> done) {
  run_blocking<void>(
      blocking_,
      [self = shared_from_this(), size] {
        return self->read_only() ? self->refuse_read_only() : truncate_file(self->fd(), size, self->path());
      },
      std::move(done));
}

void RealFile::size(Callback<std::uint64_t> done) {
  run_blocking<std::uint64_t>(
      blocking_, [self = shared_from_this()] { return file_size(self->fd(), self->path()); }, std::move(done));
}

Window::Window(std::uint64_t offset, std::size_t bytes, std::size_t alignment)
    : start(offset / alignment * alignment), skip(static_cast<std::size_t>(offset - start)), wanted(bytes) {
  length = (skip + bytes + alignment - 1) / alignment * alignment;
  block = Block::allocate(std::max<std::size_t>(length, 1), std::max<std::size_t>(alignment, 16));
}

Buffer Window::take(std::size_t got) {
  if (got <= skip) return {};
  const ByteSpan bytes(block->data() + skip, std::min(got - skip, wanted));
  return {std::move(block), bytes};
}

void PoolFile::read(std::uint64_t offset, std::size_t length, Callback<Buffer> done) {
  run_blocking<Buffer>(
      blocking_,
      [self = shared_from_this(), window = Window(offset, length, alignment())]() mutable -> Result<Buffer> {
        TRY(const std::size_t got,
            read_all(self->fd(), window.block->data(), window.length, window.start, self->path()));
        return window.take(got);
      },
      std::move(done));
}

void PoolFile::write(std::uint64_t offset, std::vector<Buffer> pieces, Sync sync, Callback<void> done) {
  check_alignment(offset, pieces);
  write_on_pool(offset, std::move(pieces), sync, std::move(done));
}

void RealFile::write_on_pool(std::uint64_t offset, std::vector<Buffer> pieces, Sync sync, Callback<void> done) {
  run_blocking<void>(
      blocking_,
      [self = shared_from_this(), offset, pieces = std::move(pieces), sync]() -> Status {
        if (self->read_only()) return self->refuse_read_only();
        TRY_STATUS(write_all(self->fd(), parts_of(pieces), offset, self->path()));
        return sync == Sync::data ? sync_file(self->fd(), self->path()) : Status{};
      },
      std::move(done));
}

void PoolFile::sync(Callback<void> done) {
  run_blocking<void>(
      blocking_, [self = shared_from_this()] { return sync_file(self->fd(), self->path()); }, std::move(done));
}

void RealFile::allocate(std::uint64_t offset, std::uint64_t length, Callback<void> done) {
  run_blocking<void>(
      blocking_,
      [self = shared_from_this(), offset, length] {
        if (self->read_only()) return self->refuse_read_only();
        return allocate_file(self->fd(), offset, length, self->path());
      },
      std::move(done));
}

}  // namespace chronik::env
