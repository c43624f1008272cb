// LogIntake: the line of what is to be written, from any thread to the loop of the log. Its order is the order on disk.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/backend.h"
#include "checkpoint/keyring.h"
#include "checkpoint/room.h"

namespace chronik::checkpoint {

/// One frame of the write-ahead log, and who cares.
struct LogItem {
  std::uint64_t lsn = 0;
  std::string entries;  // their lsn still to be set
  std::vector<std::uint64_t> chunks;
  std::shared_ptr<const Delta> delta;
  SessionKeyPtr key;   // of the delta, in an encrypted store
  std::string unread;  // a sealed entry whose key is lost
  PendingPtr pending;
  std::vector<PendingPtr> followers;  // changed nothing, but saw this
  Room::Token room;
};
using LogItemPtr = std::shared_ptr<LogItem>;

class LogIntake {
 public:
  /// `wake` is called (any thread) when there is something to write.
  explicit LogIntake(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// Whether a push wakes the loop, or leaves that to what comes behind it: one group commit for a payload and its
  /// change.
  enum class Wake : std::uint8_t { now, later };
  /// Gives it its lsn. Fails while refusing. `epoch`: of the last failure the caller knew; a later one means that what
  /// it stored before may be lost: disk_full if that was why, else overloaded.
  Status push(const LogItemPtr& item, std::uint64_t epoch, Wake wake);
  /// What was to be woken for later: nothing comes behind it after all.
  void kick();
  /// Settles `pending` when `delta` is, or at once if it is no longer in line.
  void follow(const std::shared_ptr<const Delta>& delta, PendingPtr pending);
  std::uint64_t epoch() const;

  // The loop's side.
  /// What is in line. After nothing the next push wakes; after something the loop is to ask again by itself, and is
  /// woken only for much.
  std::deque<LogItemPtr> take();
  /// From now on nothing enters; what is in line comes back.
  std::deque<LogItemPtr> refuse(const Error& error);
  /// After a failure that passes: open again.
  void admit();
  void set_next_lsn(std::uint64_t lsn);
  std::uint64_t next_lsn() const;
  /// Out of line: no more followers after this. Then settles all.
  void settle(std::span<const LogItemPtr> items, const Status& status);

 private:
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::deque<LogItemPtr> line_;
  std::deque<LogItemPtr> unsettled_;  // with a delta, in order
  std::size_t line_bytes_ = 0;
  bool called_ = false;       // the loop will ask
  bool called_much_ = false;  // and does not wait with that for the disk
  std::uint64_t next_lsn_ = 1;
  std::atomic<std::uint64_t> epoch_{0};
  std::optional<Error> refusing_;
  Error last_refusal_;  // why the epoch is what it is
};

}  // namespace chronik::checkpoint
