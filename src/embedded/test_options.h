// For tests on the real disk: options of a store that waits out a busy one.
#pragma once

#include <chronik/checkpoint.h>

#include <chrono>

namespace chronik::embedded {

/// `options`, but a busy disk is no failure.
inline checkpoint::Options patient(checkpoint::Options options = {}) {
  options.stall_deadline = options.timeout = std::chrono::seconds(100);
  return options;
}

}  // namespace chronik::embedded
