// Time and CPU of this process. All latencies of chronik-bench are differences of now_ns(), the monotonic clock.
#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdint>

namespace chronik::bench {

inline std::int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// Sleeps until the absolute time `at_ns` of now_ns(); returns at once when it has passed.
inline void sleep_until_ns(std::int64_t at_ns) {
  if (now_ns() >= at_ns) return;
  timespec t{at_ns / 1'000'000'000, at_ns % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) != 0) {
  }
}

/// The kernel rounds sleeps of the calling thread up by 50 us unless told otherwise.
inline void use_precise_sleep() {
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

/// User and system seconds of this process so far.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace chronik::bench
