// chronik-bench: load generator. What it measures and why is written in docs/performance.md.
#include <malloc.h>

#include <string_view>

#include "apps/bench/cli.h"

int main(int argc, char** argv) {
  // Requests of a megabyte come and go: faulting their memory in anew each time would be measured as the server's time.
  // What is embedded is measured as a program has it.
  if (argc < 2 || std::string_view(argv[1]) != "checkpoints") {
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
  }
  return chronik::bench::run_command_line(argc, argv);
}
