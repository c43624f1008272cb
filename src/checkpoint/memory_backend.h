// The memory backend: for tests and what may be lost.
#pragma once

#include <memory>

#include "checkpoint/backend.h"

namespace chronik::checkpoint {

std::unique_ptr<Backend> make_memory_backend(const Options& options);

}  // namespace chronik::checkpoint
