// LogWriter: puts groups, seals and snapshots of the metadata log on disk, one operation at a time. It decides when a
// new file is needed; what an error means for proposals is its caller's to say. Shard 0 only.
#pragma once

#include <string>
#include <vector>

#include "env/env.h"
#include "meta/log_format.h"
#include "meta/log_replay.h"
#include "task/context.h"

namespace chronik::meta {

class LogWriter {
 public:
  LogWriter(task::Context& context, std::string directory, Duration stall);

  /// Durably, if it is missing; the parent must exist.
  task::Task<Status> make_directory();
  /// Goes on where the replay ended, in a new file.
  void resume(const LogReplay& replayed);

  /// Whether a snapshot must come before the first group. What the replay read may stand in the page cache only: left
  /// by a process that was killed between write and sync, or whose sync failed. Nothing may build on it before it is
  /// written anew.
  bool unproven() const { return unproven_; }

  /// Not while unproven(). Durable when it returns. disk_full leaves everything as it was, except after a write that
  /// ran out of space in spite of its reservation: then the group may come back if the process ends before the next one
  /// is written. After any other error the writer must not be used.
  task::Task<Status> append(const std::vector<Buffer>& commands);
  /// Marks the last group as durable; not synced. Nothing to do if that stands there already.
  task::Task<Status> seal();
  /// Makes `state`, which reflects all groups, the snapshot; begins a new file; removes the old ones. After disk_full
  /// the old snapshot and the old files remain.
  task::Task<Status> snapshot(Buffer state);

  const LogPosition& position() const { return position_; }
  const std::string& directory() const { return directory_; }
  std::uint64_t bytes_since_snapshot() const { return bytes_since_snapshot_; }

 private:
  Deadline deadline() const { return context_.after(stall_); }
  task::Task<Status> begin_file();
  task::Task<Status> reserve(std::size_t bytes);
  task::Task<Status> put(Buffer blocks, env::Sync sync);

  task::Context& context_;
  std::string directory_;
  Duration stall_;
  LogPosition position_;
  env::FilePtr file_;  // null: the next group begins a new one
  std::uint64_t number_ = 0;
  std::uint64_t offset_ = 0;    // where the next group goes
  std::uint64_t reserved_ = 0;  // bytes of the file that have space
  std::uint64_t bytes_since_snapshot_ = 0;
  std::vector<std::string> files_;  // full paths, all that exist
  bool sealed_ = true;
  bool unproven_ = false;
};

}  // namespace chronik::meta
