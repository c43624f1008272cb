// A program started by us: standard output either read line by line until it says it is ready, or thrown away.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace chronik::bench {

class Child {
 public:
  /// `watched`: read_line() will be used; otherwise its standard output is discarded.
  static Result<Child> start(const std::vector<std::string>& command, bool watched);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  /// SIGTERM, and SIGKILL ten seconds later.
  ~Child();

  Result<std::string> read_line(std::int64_t deadline_ns);
  /// It has ended by itself.
  bool ended();

 private:
  Child(pid_t pid, int output) : pid_(pid), output_(output) {}

  pid_t pid_;
  int output_;  // -1 unless watched
  std::string buffered_;
};

}  // namespace chronik::bench
