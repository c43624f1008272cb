// The second half of Ring: what an operation's completion means, short transfers, the end of the Host; and RingFile.
#include <cerrno>
#include <utility>

#include "env/real/ring.h"

namespace chronik::env {

namespace {
bool is_transient(int number) {
  return number == EINTR || number == EAGAIN;
}
}  // namespace

void Ring::finish(RingOp* op) {
  if (draining_) return;  // drop() destroys it
  switch (op->kind) {
    case RingKind::read:
      return finish_read(op);
    case RingKind::write:
      return finish_write(op);
    case RingKind::sync:
      if (is_transient(op->error)) return finish_on_pool(op);
      return answer(op, op->error == 0 ? Status{} : sync_failed(op->error, op->file->path()));
  }
}

void Ring::finish_read(RingOp* op) {
  Window& window = *op->window;
  const std::uint64_t before = op->offset;  // how far the previous round came
  const bool advanced = op->moved > before;
  const bool aligned = op->moved % op->file->alignment() == 0;
  if (is_transient(op->error) || (op->error == 0 && advanced && aligned && op->moved < window.length)) {
    // Short: the end of the file, or not. Only a read of nothing tells.
    op->error = 0;
    op->offset = op->moved;
    return start(op);
  }
  Result<Buffer> result;
  if (op->error != 0) {
    result = fail(error_from_errno(op->error, op->file->path()));
  } else {
    result = window.take(static_cast<std::size_t>(op->moved));
  }
  auto done = std::exchange(op->read_done, nullptr);
  recycle(op);
  done(std::move(result));
}

void Ring::finish_write(RingOp* op) {
  if (is_transient(op->error) || (op->error == 0 && op->moved < op->length)) return finish_on_pool(op);
  if (op->error == 0 && is_transient(op->sync_error)) return finish_on_pool(op);
  Status result;
  if (op->error != 0) {
    result = fail(error_from_errno(op->error, op->file->path()));
  } else if (op->sync_error != 0) {
    result = sync_failed(op->sync_error, op->file->path());
  }
  answer(op, std::move(result));
}

/// Rare: goes on where the kernel stopped, blocking. A short write mostly means a full disk; trying again tells.
void Ring::finish_on_pool(RingOp* op) {
  auto done = std::exchange(op->done, nullptr);
  run_blocking<void>(
      blocking_,
      [file = op->file, kind = op->kind, parts = op->parts, pieces = std::move(op->pieces), offset = op->offset,
       moved = op->moved, synced = op->synced]() mutable -> Status {
        if (kind == RingKind::write) {
          drop_front(parts, moved);
          TRY_STATUS(write_all(file->fd(), std::move(parts), offset + moved, file->path()));
        }
        return kind == RingKind::sync || synced ? sync_file(file->fd(), file->path()) : Status{};
      },
      std::move(done));
  recycle(op);
}

void Ring::answer(RingOp* op, Status result) {
  auto done = std::exchange(op->done, nullptr);
  recycle(op);
  done(std::move(result));
}

bool Ring::drain(Instant end) {
  draining_ = true;
  overflow_.clear();
  io_uring_submit(&ring_);
  while (in_flight_ > 0 && loop_.now() < end) {
    const Duration left = end - loop_.now();
    __kernel_timespec time{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    io_uring_cqe* entry = nullptr;
    if (io_uring_wait_cqe_timeout(&ring_, &entry, &time) == 0) reap();
  }
  return in_flight_ == 0;
}

RingOp* RingFile::make_op(RingKind kind) {
  RingOp* op = ring_.make_op();
  op->kind = kind;
  op->file = shared_from_this();
  op->offset = 0;
  op->length = 0;
  return op;
}

void RingFile::read(std::uint64_t offset, std::size_t length, Callback<Buffer> done) {
  RingOp* op = make_op(RingKind::read);
  op->window.emplace(offset, length, alignment());
  op->read_done = std::move(done);
  ring_.start(op);
}

void RingFile::write(std::uint64_t offset, std::vector<Buffer> pieces, Sync sync, Callback<void> done) {
  check_alignment(offset, pieces);
  if (read_only() || alignment() == 1) return write_on_pool(offset, std::move(pieces), sync, std::move(done));
  RingOp* op = make_op(RingKind::write);
  op->offset = offset;
  op->pieces = std::move(pieces);
  for (const Buffer& piece : op->pieces) {
    // The kernel only reads from it.
    if (!piece.empty()) op->parts.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
    op->length += piece.size();
  }
  op->synced = sync == Sync::data || op->parts.empty();  // a write of nothing becomes a plain sync
  op->done = std::move(done);
  ring_.start(op);
}

void RingFile::sync(Callback<void> done) {
  RingOp* op = make_op(RingKind::sync);
  op->done = std::move(done);
  ring_.start(op);
}

}  // namespace chronik::env
