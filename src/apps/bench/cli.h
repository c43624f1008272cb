// The command line: fills the option structs and remembers which subcommand was chosen. The only face of CLI11.
#pragma once

#include <functional>

#include "apps/bench/commands.h"

namespace chronik::bench {

/// Parses and runs. 0 success, 1 a failed run or reconciliation (one line on standard error), 2 wrong usage.
int run_command_line(int argc, char** argv);

}  // namespace chronik::bench
