#include "env/real/limits.h"

#include <sys/resource.h>

#include <algorithm>

namespace chronik::env {

namespace {
constexpr rlim_t kEnough = 1U << 20;  // "unlimited" is no number to reckon with
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit = before;
  return static_cast<std::size_t>(std::min(limit.rlim_cur, kEnough));
}

}  // namespace chronik::env
