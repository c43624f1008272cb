// Which errors pass by themselves.
#pragma once

#include "base/result.h"

namespace chronik {

/// Out of disk space, descriptors or memory: what failed left nothing that counts and may be repeated later.
constexpr bool is_recoverable(Errc code) {
  return code == Errc::disk_full || code == Errc::overloaded;
}

}  // namespace chronik
