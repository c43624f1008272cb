// What the factories of include/chronik/checkpoint.h make, for those who need more than its face.
#pragma once

#include <memory>
#include <string>

#include "checkpoint/core.h"

namespace chronik::embedded {

/// A directory of the log, as checkpoint::Store::open.
checkpoint::Result<std::shared_ptr<checkpoint::Core>> open_log(const std::string& directory,
                                                               const checkpoint::Options& options);

}  // namespace chronik::embedded
