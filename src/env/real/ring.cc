// The first half of Ring: creation, submission, completions arriving.
#include "env/real/ring.h"

#include <limits.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "env/real/abandoned.h"

namespace chronik::env {

namespace {

constexpr unsigned kSubmissionEntries = 256;
constexpr unsigned kCompletionEntries = 4096;  // beyond it the kernel keeps them for us
constexpr unsigned kBlockedWorkersMax = 64;
constexpr std::uint64_t kSyncTag = 1;           // in user_data, beside the operation's address
constexpr std::size_t kTransferMax = 1U << 30;  // bytes in one entry
// From the page cache the kernel copies within the call that submits: beyond this a worker does, and the loop goes on.
constexpr std::size_t kReadAside = 128U << 10;
constexpr int kNeededOperations[] = {IORING_OP_READ, IORING_OP_WRITEV, IORING_OP_WRITE, IORING_OP_FSYNC};

bool supports_what_we_need(io_uring& ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  const bool all =
      std::ranges::all_of(kNeededOperations, [&](int op) { return io_uring_opcode_supported(probe, op) != 0; });
  io_uring_free_probe(probe);
  return all;
}

}  // namespace

Ring::Ring(RealLoop& loop, Blocking blocking)
    : loop_(loop), blocking_(std::move(blocking)), event_(loop.io()), retry_(loop.io()) {}

Result<std::unique_ptr<Ring>> Ring::create(RealLoop& loop, Blocking blocking) {
  std::unique_ptr<Ring> made(new Ring(loop, std::move(blocking)));
  io_uring_params params{};
  // A loop that is running looks at its completions soon enough: no interrupt for each (from Linux 5.19 on).
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_COOP_TASKRUN;
  params.cq_entries = kCompletionEntries;
  int result = io_uring_queue_init_params(kSubmissionEntries, &made->ring_, &params);
  if (result == -EINVAL) {
    params.flags &= ~IORING_SETUP_COOP_TASKRUN;
    result = io_uring_queue_init_params(kSubmissionEntries, &made->ring_, &params);
  }
  if (result < 0) return fail(Errc::unsupported, error_from_errno(-result, "io_uring").detail);
  made->open_ = true;
  if (!supports_what_we_need(made->ring_)) return fail(Errc::unsupported, "io_uring of this kernel is too old");
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) return fail(error_from_errno(errno, "eventfd"));
  made->event_.assign(event);
  if (const int error = io_uring_register_eventfd(&made->ring_, event); error < 0) {
    return fail(Errc::unsupported, error_from_errno(-error, "io_uring eventfd").detail);
  }
  // By default four workers a processor do what blocks: a stalled file system would soon hold them all. Older kernels
  // do not know this call.
  unsigned workers[2] = {kBlockedWorkersMax, 0};  // on files; on others: unchanged
  io_uring_register_iowq_max_workers(&made->ring_, workers);
  made->wait_for_event();
  return made;
}

Ring::~Ring() {
  drop();
  if (open_) io_uring_queue_exit(&ring_);  // does not wait for what the kernel holds
}

void Ring::drop() {
  auto all = std::make_shared<decltype(all_)>(std::exchange(all_, {}));
  free_.clear();
  if (in_flight_ > 0) abandon(std::move(all));
}

RingOp* Ring::make_op() {
  if (free_.empty()) return all_.emplace_back(std::make_unique<RingOp>()).get();
  RingOp* op = free_.back();
  free_.pop_back();
  return op;
}

void Ring::recycle(RingOp* op) {
  op->file = nullptr;
  op->window.reset();
  op->pieces.clear();
  op->parts.clear();
  op->synced = false;
  op->moved = 0;
  op->error = op->sync_error = 0;
  free_.push_back(op);
}

void Ring::start(RingOp* op) {
  if (draining_) return;  // from a destructor on the way down; drop() destroys it
  if (!overflow_.empty() || !prepare(op)) overflow_.push_back(op);
  schedule_flush();
}

void Ring::schedule_flush() {
  if (flush_posted_) return;
  flush_posted_ = true;
  loop_.post([this] {
    flush_posted_ = false;
    flush();
  });
}

void Ring::flush() {
  for (;;) {
    const int result = io_uring_submit(&ring_);
    if (result == -EINTR) continue;
    if (result < 0) {
      // The kernel is short of memory or its completion queue is full: a completion or a moment will help.
      CHECK(result == -EAGAIN || result == -EBUSY || result == -ENOMEM);
      retry_.expires_after(std::chrono::milliseconds(1));
      retry_.async_wait([this](const boost::system::error_code& error) {
        if (!error) schedule_flush();
      });
      return;
    }
    bool any = false;
    while (!overflow_.empty() && prepare(overflow_.front())) {
      overflow_.pop_front();
      any = true;
    }
    if (!any) return;
  }
}

unsigned Ring::entries_for(const RingOp& op) const {
  if (op.kind != RingKind::write) return 1;
  return static_cast<unsigned>((op.parts.size() + IOV_MAX - 1) / IOV_MAX) + (op.synced ? 1 : 0);
}

/// False if there are not enough entries now. A chain of linked entries must reach the kernel in one call.
bool Ring::prepare(RingOp* op) {
  if (entries_for(*op) > io_uring_sq_space_left(&ring_)) return false;
  if (op->kind == RingKind::write) {
    prepare_write(op);
    return true;
  }
  const int fd = op->file->fd();
  io_uring_sqe* entry = next_entry();
  if (op->kind == RingKind::read) {
    const std::size_t left = std::min<std::size_t>(op->window->length - op->moved, kTransferMax);
    io_uring_prep_read(entry, fd, op->window->block->data() + op->moved, static_cast<unsigned>(left),
                       op->window->start + op->moved);
    if (left >= kReadAside) entry->flags |= IOSQE_ASYNC;
  } else {
    io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
  }
  tag(entry, op, false);
  return true;
}

io_uring_sqe* Ring::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  CHECK(entry != nullptr);
  return entry;
}

/// After the prep call, which in some versions clears it.
void Ring::tag(io_uring_sqe* entry, RingOp* op, bool is_sync) {
  io_uring_sqe_set_data64(entry, reinterpret_cast<std::uint64_t>(op) | (is_sync ? kSyncTag : 0));
  ++op->waiting;
  ++in_flight_;
}

void Ring::prepare_write(RingOp* op) {
  const int fd = op->file->fd();
  std::uint64_t offset = op->offset;
  io_uring_sqe* last = nullptr;
  for (std::size_t at = 0; at < op->parts.size(); at += IOV_MAX) {
    const std::size_t count = std::min<std::size_t>(op->parts.size() - at, IOV_MAX);
    if (last != nullptr) last->flags |= IOSQE_IO_LINK;
    last = next_entry();
    if (op->parts.size() == 1 && op->parts[0].iov_len <= kTransferMax) {
      io_uring_prep_write(last, fd, op->parts[0].iov_base, static_cast<unsigned>(op->parts[0].iov_len), offset);
    } else {
      io_uring_prep_writev(last, fd, &op->parts[at], static_cast<unsigned>(count), offset);
    }
    tag(last, op, false);
    for (std::size_t i = at; i < at + count; ++i) offset += op->parts[i].iov_len;
  }
  if (!op->synced) return;
  if (last != nullptr) last->flags |= IOSQE_IO_LINK;
  io_uring_sqe* sync = next_entry();
  io_uring_prep_fsync(sync, fd, IORING_FSYNC_DATASYNC);
  tag(sync, op, true);
}

void Ring::wait_for_event() {
  event_.async_read_some(asio::buffer(&event_count_, sizeof event_count_),
                         [this](const boost::system::error_code& error, std::size_t) {
                           if (error) return;
                           reap();
                           wait_for_event();
                         });
}

void Ring::reap() {
  constexpr unsigned kBatch = 64;
  io_uring_cqe* entries[kBatch];
  for (;;) {
    const unsigned count = io_uring_peek_batch_cqe(&ring_, entries, kBatch);
    if (count == 0) return;
    std::pair<std::uint64_t, int> results[kBatch];
    for (unsigned i = 0; i < count; ++i) results[i] = {entries[i]->user_data, entries[i]->res};
    io_uring_cq_advance(&ring_, count);  // before the callbacks, which may start more
    for (unsigned i = 0; i < count; ++i) take_completion(results[i].first, results[i].second);
  }
}

void Ring::take_completion(std::uint64_t user_data, int result) {
  auto* op = reinterpret_cast<RingOp*>(user_data & ~kSyncTag);
  --in_flight_;
  --op->waiting;
  if ((user_data & kSyncTag) != 0) {
    if (result < 0) op->sync_error = -result;
  } else if (result >= 0) {
    op->moved += static_cast<std::uint64_t>(result);
  } else if (op->error == 0 && result != -ECANCELED) {  // cancelled: by the failure of an earlier part
    op->error = -result;
  }
  if (op->waiting == 0) finish(op);
}

}  // namespace chronik::env
