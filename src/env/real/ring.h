// One io_uring per loop. Operations started in one turn of the loop go to the kernel in one call at its end; results
// come back through an eventfd that the loop waits on. Every operation owns its file, memory and callback until the
// kernel is done. What does not fit into the submission queue waits in memory: callers bound what they have in flight
// with their budgets. Touched only by its loop's thread. Included only inside env/real.
#pragma once

#include <liburing.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "env/real/real_file.h"
#include "env/real/real_loop.h"

namespace chronik::env {

class Ring;

enum class RingKind : std::uint8_t { read, write, sync };

/// What one call started; reused. Complete when `waiting` completions have come.
struct RingOp {
  RingKind kind = RingKind::read;
  std::shared_ptr<RealFile> file;
  std::uint64_t offset = 0;      // of a write; of a read: bytes before this round
  std::uint64_t length = 0;      // of a write: all pieces
  std::optional<Window> window;  // of a read
  std::vector<Buffer> pieces;    // of a write
  std::vector<iovec> parts;      // of a write
  bool synced = false;           // a write with a linked sync
  Callback<Buffer> read_done;
  Callback<void> done;

  unsigned waiting = 0;
  std::uint64_t moved = 0;  // bytes so far
  int error = 0;            // errno of the operation itself
  int sync_error = 0;       // of the linked sync
};

class Ring {
 public:
  /// unsupported if the kernel refuses.
  static Result<std::unique_ptr<Ring>> create(RealLoop& loop, Blocking blocking);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  RingOp* make_op();
  void start(RingOp* op);
  /// The end of the loop: waits for the kernel at most until `end`, calls nobody. False if it still holds something;
  /// then the threads that started operations cannot end before the kernel lets go (they wait for its workers).
  bool drain(Instant end);
  /// After drain(): destroys what the operations held, except what the kernel still holds.
  void drop();

 private:
  Ring(RealLoop& loop, Blocking blocking);

  void schedule_flush();
  void flush();
  bool prepare(RingOp* op);
  unsigned entries_for(const RingOp& op) const;
  void prepare_write(RingOp* op);
  io_uring_sqe* next_entry();
  void tag(io_uring_sqe* entry, RingOp* op, bool is_sync);
  void wait_for_event();
  void reap();
  void take_completion(std::uint64_t user_data, int result);
  void finish(RingOp* op);
  void finish_read(RingOp* op);
  void finish_write(RingOp* op);
  void finish_on_pool(RingOp* op);
  void answer(RingOp* op, Status result);
  void recycle(RingOp* op);

  RealLoop& loop_;
  const Blocking blocking_;
  io_uring ring_{};
  bool open_ = false;
  asio::posix::stream_descriptor event_;
  std::uint64_t event_count_ = 0;
  asio::steady_timer retry_;
  bool flush_posted_ = false;
  bool draining_ = false;
  std::size_t in_flight_ = 0;     // entries whose completion has not come
  std::deque<RingOp*> overflow_;  // for lack of entries
  std::vector<std::unique_ptr<RingOp>> all_;
  std::vector<RingOp*> free_;
};

/// Reads, syncs and direct writes. Buffered writes and allocations go to the pool: most file systems cannot do them
/// without waiting, and the kernel's own workers queue those of different files behind one another (64 buckets, by
/// inode), so that one stalled file system would hold up the others.
class RingFile final : public RealFile {
 public:
  RingFile(Ring& ring, Blocking blocking, OpenedFile opened, std::string path, bool read_only)
      : RealFile(std::move(blocking), opened, std::move(path), read_only), ring_(ring) {}

  void read(std::uint64_t offset, std::size_t length, Callback<Buffer> done) override;
  void write(std::uint64_t offset, std::vector<Buffer> pieces, Sync sync, Callback<void> done) override;
  void sync(Callback<void> done) override;

 private:
  RingOp* make_op(RingKind kind);
  Ring& ring_;
};

}  // namespace chronik::env
