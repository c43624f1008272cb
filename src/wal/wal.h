// Wal: the write-ahead log of one shard, shared by all its partitions. What arrives while one fsync runs forms the next
// group; one write and one fsync make the group durable, whatever the number of partitions in it.
//
// Produce in two stages: reserve() fixes the order and gives the bytes a place in the open group; committed() waits
// until that group is on disk. The same memory then serves as the partition's tail, so a batch is copied once.
//
// Invariants: groups become durable in sequence; a group that failed fails everything behind it and the log for good
// (law 7); no block that holds acknowledged bytes is written again; what is reserved always fits the current and the
// prepared file; the files on disk are an unbroken row (released ones leave from its old end, one by one).
// wal_invariants.cc checks them. All calls on the shard's thread. On disk: docs/formats/wal.md.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "task/context.h"
#include "task/event.h"
#include "wal/format.h"

namespace chronik::wal {

enum class SyncMode : std::uint8_t {
  group,     // fsync before every acknowledgement (default)
  interval,  // acknowledge after the write, fsync every sync_interval: a power cut takes what came since
  none,      // leave it to the kernel
};

struct Options {
  std::string directory;  // exists already
  LogId log_id;
  Generation generation;
  ShardId shard;
  std::uint64_t first_file_bytes = 4ULL << 20;  // small, so that zeroing it does not delay the start
  std::uint64_t file_bytes = 32ULL << 20;
  std::uint64_t bytes_max = 256ULL << 20;  // all files of this shard, two at least; reaching it is back-pressure
  Duration stall_deadline = 10s;           // for each disk operation; beyond it the log has failed
  Duration seal_after = 500ms;             // idle time before the last group is sealed
  SyncMode sync = SyncMode::group;
  Duration sync_interval = 1s;
  Duration linger{0};  // waits for company before each group; for slow devices
  bool direct = true;
};

/// Whoever put a frame into the log; told once per group, in order, on the shard's thread.
class FrameOwner {
 public:
  virtual ~FrameOwner() = default;
  /// Every frame of this owner below `end` is on disk.
  virtual void frames_durable(LogEndOffset end) = 0;
  /// A frame will never be acknowledged; nor will any behind it.
  virtual void frames_failed(const Error& error) = 0;

 private:
  friend class Wal;
  GroupSequence noted_in_;    // the newest group with a frame of this owner,
  std::size_t noted_as_ = 0;  // and its place among that group's owners
};

/// The fate of one group, for those who wait for it.
struct Commit {
  explicit Commit(task::Context& context) : settled(context) {}
  task::Event settled;
  std::optional<Status> status;
};
using CommitPtr = std::shared_ptr<Commit>;

struct FrameInfo {
  FrameKind kind = FrameKind::batch;
  TopicPartition partition;
  Offset base;
  LogEndOffset end;
};

/// A frame's place in the open group. Fill `bytes` before the next suspension.
struct Reservation {
  MutableByteSpan bytes;  // the payload's place
  Buffer payload;         // the same bytes, to keep
  GroupSequence group;
  CommitPtr commit;
};

struct Stats {
  std::uint64_t bytes_held = 0;     // written and not yet released
  std::uint64_t bytes_pending = 0;  // reserved and not yet written
  std::size_t files = 0;
  bool disk_full = false;
};

class Wal {
 public:
  /// Creates the first file durably. invalid_argument for sizes that could never work. The Wal's coroutines end with
  /// it.
  static task::Task<Result<std::unique_ptr<Wal>>> open(task::Context& context, Options options);
  ~Wal();
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  /// Waits until a payload of this size has room. overloaded at the deadline; disk_full at once when the disk has no
  /// room for another file; storage_failed once failed; invalid_argument if it could never fit.
  task::Task<Status> room(std::size_t payload_bytes, Deadline until);
  /// The same without waiting: overloaded instead.
  Status check_room(std::size_t payload_bytes, bool control = false) const;

  /// Puts a frame into the open group; fails as check_room does. Control frames may use a reserve that batches may not.
  Result<Reservation> reserve(const FrameInfo& frame, std::size_t payload_bytes, std::shared_ptr<FrameOwner> owner,
                              bool control = false);

  /// Waits for the group. timed_out leaves its fate open.
  task::Task<Status> committed(CommitPtr commit, Deadline until);

  /// The highest group acknowledged, and the highest in files that are complete: what a flush may cut at.
  GroupSequence durable() const { return durable_; }
  GroupSequence last_complete_file_end() const;
  /// Everything up to `through` lives elsewhere durably: complete files below it go to the preparer, which recycles or
  /// removes them, so that soon no replay sees them.
  task::Task<Status> release(GroupSequence through);

  /// Called when a file was completed, and once on failure: a reason for the flusher to look.
  void file_completed_listener(std::function<void()> listener) { on_file_completed_ = std::move(listener); }
  /// Bytes of complete files: what a flush can release.
  std::uint64_t bytes_complete() const;
  /// Set once, sticky.
  const std::optional<Error>& failure() const { return failure_; }
  /// Fails the log from outside: the directory it stands in went offline.
  void fail(Error error);
  void on_failure(std::function<void(const Error&)> listener) { on_failure_ = std::move(listener); }

  /// Commits what is reserved, seals it and ends; the deadline bounds it. Afterwards, or after a failure, the Wal may
  /// be destroyed at any time.
  task::Task<Status> close(Deadline until);

  Stats stats() const;
  /// Ends the process if the state contradicts itself. For tests and the simulator.
  void check_invariants() const;
  const Options& options() const { return options_; }

 private:
  struct Group;
  struct LogFile {
    env::FilePtr file;
    std::string name;
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    std::uint64_t used = kBlock;
    GroupSequence last;  // highest group in it
  };
  struct Counters;

  Wal(task::Context& context, Options options);

  Group& group_for(std::size_t bytes);
  void seal_open_group();
  void finish_header(Group& group);
  std::uint64_t room_left() const;

  void note_owner(Group& group, std::shared_ptr<FrameOwner> owner, LogEndOffset end);

  task::Task<void> run_writer();
  task::Task<Status> write_flight();
  task::Task<Status> write_run(std::size_t count);
  void settle(std::size_t count);
  void fail_everything(Error error);

  void put_seal();
  task::Task<void> run_seal_timer();
  task::Task<Status> sync_written();
  task::Task<void> run_interval_sync();
  task::Task<Status> drain(Deadline until);

  task::Task<void> run_preparer();
  task::Task<Result<LogFile>> create_file(std::uint64_t bytes);
  void adopt_next(LogFile file);
  task::Task<Status> retire_oldest();
  task::Task<Status> remove_oldest();
  Buffer header_block(const LogFile& file, GroupSequence first) const;
  task::Task<Status> write_header(const LogFile& file);
  task::Task<Status> zero(env::FilePtr file, std::uint64_t bytes);
  bool rotate();
  std::uint64_t bytes_held() const;

  Deadline stall() const { return context_.after(options_.stall_deadline); }
  std::string path(const std::string& name) const { return options_.directory + "/" + name; }

  task::Context& context_;
  Options options_;
  std::unique_ptr<Counters> counters_;

  std::shared_ptr<Block> arena_;
  std::size_t arena_used_ = 0;
  std::unique_ptr<Group> open_;
  std::deque<Group> sealed_;
  std::deque<Group> flight_;   // being written
  std::uint64_t pending_ = 0;  // padded bytes of all these

  LogFile current_;
  std::optional<LogFile> next_;
  std::deque<LogFile> complete_;
  std::deque<LogFile> released_;  // oldest first: the preparer retires or removes them
  std::deque<LogFile> free_;      // retired: empty to replay, to be used in this order
  std::uint64_t files_created_ = 0;

  GroupSequence reserved_{0};  // sequence of the newest group that exists
  GroupSequence written_{0};
  GroupSequence durable_{0};            // acknowledged: synced too unless the mode says otherwise
  GroupSequence synced_{0};             // known to be on stable storage: what headers vouch for
  std::vector<env::FilePtr> unsynced_;  // interval mode: written since the last sync
  std::uint32_t previous_crc_ = 0;
  bool sealed_idle_ = true;  // a seal vouches for the last frames on disk, or there are none
  bool writing_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool disk_full_ = false;
  std::optional<Error> failure_;
  std::function<void(const Error&)> on_failure_;
  std::function<void()> on_file_completed_;

  task::Event work_;           // the writer has something to do
  task::Event idle_;           // the writer has nothing to do
  task::Event room_changed_;   // more room, or a reason to give up waiting for it
  task::Event prepare_;        // the preparer has something to do
  task::Event written_event_;  // the seal timer's and interval sync's clock starts
  task::Scope scope_;          // last: the coroutines go before what they refer to
};

}  // namespace chronik::wal
