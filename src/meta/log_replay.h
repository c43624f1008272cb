// Replay of the metadata log: snapshot first, then every group behind it, into the state machine. Changes nothing on
// disk. A group that does not hold is judged: torn, if nothing after it says that it was acknowledged; else corrupt,
// naming file and byte.
#pragma once

#include <string>
#include <vector>

#include "meta/log_format.h"
#include "meta/proposer.h"
#include "task/context.h"

namespace chronik::meta {

struct LogReplay {
  LogPosition position;
  std::uint64_t bytes = 0;           // of groups behind the snapshot
  std::uint64_t highest_number = 0;  // of all log files; 0 if there are none
  std::vector<std::string> files;    // full paths of all log files, needed or not
  bool torn = false;                 // the log ended in a group that was never acknowledged
};

/// `directory` exists. `stall` bounds each disk operation.
task::Task<Result<LogReplay>> replay_log(task::Context& context, std::string directory, Duration stall,
                                         StateMachine& machine);

}  // namespace chronik::meta
