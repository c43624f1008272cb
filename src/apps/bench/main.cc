// chronik-bench: load generator. What it measures and why is written in docs/performance.md.
#include "apps/bench/cli.h"

int main(int argc, char** argv) {
  return chronik::bench::run_command_line(argc, argv);
}
