// The admin face over HTTP/1.1: GET /health, /metrics, /debug/waits, and the checkpoint store under /v1/. It sees the
// broker only through Source.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "shard/shard.h"
#include "task/context.h"

namespace chronik::admin {

struct DirectoryHealth {
  std::string path;
  std::string state;   // "online", "full" (reads and deletion go on), "offline" (sticky)
  std::string detail;  // why it is not online
};

struct Health {
  bool serving = false;
  std::vector<DirectoryHealth> directories;

  bool ok() const;
};

/// A shard's counters and waits, copied: safe on any thread.
struct ShardReport {
  std::size_t shard = 0;
  bool answered = false;  // false: the shard did not answer in time
  std::vector<task::Sample> samples;
  std::vector<task::InFlight> waits;
  std::uint64_t detached = 0;
};

/// What the broker shows. All calls on shard 0.
class Source {
 public:
  virtual ~Source() = default;
  virtual task::Task<Health> health(Deadline until) = 0;
  virtual task::Task<std::vector<ShardReport>> report(Deadline until) = 0;
};

/// The report of every shard of a set.
task::Task<std::vector<ShardReport>> report_shards(shard::Shard& from, Deadline until);

class CheckpointApi;

class AdminServer {
 public:
  /// `source` and `api` (null: no checkpoints) outlive the server.
  AdminServer(task::Context& context, Source& source, CheckpointApi* api)
      : context_(context), source_(source), api_(api) {}

  /// Binds and serves; in_use or permission_denied.
  Status start(const env::Address& at);
  const env::Address& listening() const { return listening_; }
  void stop();

 private:
  task::Task<void> accept();
  task::Task<void> serve(env::StreamPtr stream);
  task::Task<void> refuse(env::StreamPtr stream);

  task::Context& context_;
  Source& source_;
  CheckpointApi* api_;
  env::ListenerPtr listener_;
  env::Address listening_;
  std::size_t connections_ = 0;
  std::size_t refusals_ = 0;
  bool stopping_ = false;
};

}  // namespace chronik::admin
