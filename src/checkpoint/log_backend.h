// The log backend: Chronik's own write-ahead log plus chunks stored once, in a directory that one process has at a
// time.
#pragma once

#include <memory>
#include <string>

#include "checkpoint/backend.h"
#include "env/env.h"

namespace chronik::checkpoint {

/// The loop that a log lives on. It outlives the backend.
class LogLoop {
 public:
  virtual ~LogLoop() = default;
  virtual env::Env& env() = 0;
  /// What to tell others who come to the directory.
  virtual std::int64_t process_id() = 0;
};

Result<std::unique_ptr<Backend>> open_log_backend(const std::string& directory, const Options& options,
                                                  std::shared_ptr<Surroundings> world, std::shared_ptr<LogLoop> loop);

}  // namespace chronik::checkpoint
