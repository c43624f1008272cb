// Replay: reads the write-ahead logs that earlier generations left behind, oldest first, frame by frame, in bounded
// memory.
//
// A group that does not hold is judged: if no later group of that log says it was durable, it is torn (it was never
// acknowledged) and the log ends there; otherwise acknowledged data rotted or is missing, and replay stops with
// Errc::corrupt, naming file and byte. Nothing is changed on disk, but all of it is synced first, so that no frame is
// seen that a power cut could still take back.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "task/context.h"
#include "wal/format.h"
#include "wal/wal.h"

namespace chronik::wal {

struct ReplayedFrame {
  FrameInfo info;
  Buffer payload;
};

struct ReplayReport {
  std::uint64_t groups = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t torn_groups = 0;   // logs that ended in groups that were never acknowledged
  std::vector<std::string> files;  // full paths, all generations: to be removed once what they hold is flushed
  Generation newest;               // highest generation seen
};

/// Calls `sink` for each frame of each log in `directory`: generations in order, within one the order of each shard's
/// log. Frames of one partition arrive in the order in which they were written. An error of the sink ends the replay.
task::Task<Result<ReplayReport>> replay(task::Context& context, std::string directory, LogId log_id, Duration stall,
                                        std::function<Status(const ReplayedFrame&)> sink);

/// Removes what replay() listed, once it lives elsewhere durably: oldest first, each durably before the next, for a gap
/// in the middle would be taken for damage.
task::Task<Status> remove_replayed(task::Context& context, std::string directory, std::vector<std::string> files,
                                   Duration stall);

}  // namespace chronik::wal
