// Proposer: the interface of the log of commands, and StateMachine, what a log feeds. One node uses LocalLog
// (meta/local_log.h); a consensus log can take its place without a change above. Both live on shard 0.
#pragma once

#include "base/bytes.h"
#include "meta/command.h"
#include "task/task.h"

namespace chronik::meta {

class Proposer {
 public:
  virtual ~Proposer() = default;

  /// Makes `command` durable, applies it, and gives what became of it. Errors, with nothing applied: disk_full
  /// (recoverable), storage_failed (sticky), overloaded (queue full until the deadline), invalid_argument (too long).
  /// With timed_out and with the storage_failed of the failing write itself, the command may still take effect at a
  /// restart.
  virtual task::Task<Result<Outcome>> propose(Command command, Deadline until) = 0;

  /// Success while proposals can succeed; else the sticky error.
  virtual Status health() const = 0;
};

/// Calls come in log order, on shard 0, never reentrantly.
class StateMachine {
 public:
  virtual ~StateMachine() = default;

  virtual Outcome apply(Index index, const Command& command) = 0;
  /// Everything durable so far is applied: the moment to publish.
  virtual void batch_applied() = 0;
  /// The whole state as bytes, and back. corrupt if the bytes are none of ours.
  virtual Buffer snapshot() const = 0;
  virtual Status restore(ByteSpan bytes) = 0;
};

}  // namespace chronik::meta
