// The workloads and checkers of the simulator against a real chronik-server: real time, real network, real disk.
// What it cannot do is replay: the seed settles the clients and the plan of faults, not the machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace chronik::torture {

struct Options {
  std::string server;     // the program
  std::string directory;  // exists, and is empty
  std::uint64_t seed = 1;
  Duration length = 60s;  // under faults
  bool small_disk = false;
  bool quiet = false;
};

inline constexpr int kSkipped = 77;

/// Exit code: 0 if every property held, 1 if not, kSkipped (with the reason) if this machine does not allow it.
int run(const Options& options);

}  // namespace chronik::torture
