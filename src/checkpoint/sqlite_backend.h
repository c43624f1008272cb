// The SQLite backend: one file, existing tools, several processes.
#pragma once

#include <memory>
#include <string>

#include "checkpoint/backend.h"

namespace chronik::checkpoint {

Result<std::unique_ptr<Backend>> open_sqlite_backend(const std::string& path, const Options& options,
                                                     std::shared_ptr<Surroundings> world);

}  // namespace chronik::checkpoint
