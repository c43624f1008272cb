#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace chronik {

void check_failed(const char* what, std::source_location where) {
  std::fprintf(stderr, "%s:%u: CHECK failed in %s: %s\n", where.file_name(), where.line(), where.function_name(), what);
  std::abort();
}

}  // namespace chronik
