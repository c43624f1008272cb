// LocalLog: the metadata log of a cluster of one node, durable in one directory. Proposals that arrive while a sync
// runs go out together in the next group: one write, one sync, whatever their number. Shard 0 only.
//
// Invariants: groups are written one at a time, each on fresh blocks of a file whose space was reserved before; a file
// in which a write failed is never written again; after a failed sync, EIO or a stall the log is failed for good
// (law 7). A full disk is no failure: proposals are refused by name until there is room.
#pragma once

#include <memory>
#include <string>

#include "meta/log_replay.h"
#include "meta/proposer.h"
#include "task/context.h"

namespace chronik::meta {

struct LocalLogOptions {
  Duration stall = std::chrono::seconds(10);  // for each disk operation; beyond it the log has failed
  std::uint64_t bytes_max = 16U << 20;        // of groups since the last snapshot; beyond it a new one is taken
  std::size_t queue_max = 1024;               // proposals waiting for their group
  std::size_t group_bytes_max = 1U << 20;     // of commands; one longer command still makes a group of its own
};

class LocalLog final : public Proposer {
 public:
  /// Makes `directory` if missing, restores and replays into `machine`. Errors as replay_log.
  static task::Task<Result<std::unique_ptr<LocalLog>>> open(task::Context& context, std::string directory,
                                                            std::shared_ptr<StateMachine> machine,
                                                            LocalLogOptions options);
  /// What is being written goes on by itself until the Context stops.
  ~LocalLog() override;

  task::Task<Result<Outcome>> propose(Command command, Deadline until) override;
  Status health() const override;

  /// What the replay at open found.
  const LogReplay& replayed() const;

 private:
  class Core;
  explicit LocalLog(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace chronik::meta
