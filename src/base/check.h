// CHECK: a broken invariant ends the process, in release builds too. For bugs only; user input never reaches it.
#pragma once

#include <source_location>

namespace chronik {

/// Prints `what` with its place to standard error and aborts.
[[noreturn]] void check_failed(const char* what, std::source_location where = std::source_location::current());

}  // namespace chronik

#define CHECK(condition) (static_cast<bool>(condition) ? void(0) : ::chronik::check_failed(#condition))
