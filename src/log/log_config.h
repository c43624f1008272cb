// The settings of one partition's log, typed. The server derives them from the metadata.
#pragma once

#include <cstdint>
#include <limits>

#include "log/segment_store.h"

namespace chronik::log {

struct LogConfig {
  SegmentOptions segments;
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;  // -1: for ever
  std::int64_t retention_bytes = -1;                   // -1: no bound
  std::int32_t max_message_bytes = 1048588;
  bool log_append_time = false;
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = 3600'000;
  bool compact = false;                                   // internal topics only
  std::int64_t delete_retention_ms = 24LL * 3600 * 1000;  // how long tombstones stay
};

}  // namespace chronik::log
