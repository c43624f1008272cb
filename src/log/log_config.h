// The settings of one partition's log, typed. The server derives them from the metadata.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "log/segment_store.h"
#include "wire/compression.h"

namespace chronik::log {

struct LogConfig {
  SegmentOptions segments;
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;  // -1: for ever
  std::int64_t retention_bytes = -1;                   // -1: no bound
  std::int32_t max_message_bytes = 1048588;
  std::optional<wire::Codec> codec;  // to store in; unset: what the producer chose
  bool log_append_time = false;
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = 3600'000;
  bool compact = false;                                   // cleanup.policy has compact
  bool remove = true;                                     // cleanup.policy has delete
  std::int64_t delete_retention_ms = 24LL * 3600 * 1000;  // how long tombstones stay
  double min_cleanable_dirty_ratio = 0.5;                 // the share of bytes not compacted at which a run begins
  std::int64_t min_compaction_lag_ms = 0;                 // younger records are left alone
  std::int64_t max_compaction_lag_ms = std::numeric_limits<std::int64_t>::max();  // older ones start a run
};

}  // namespace chronik::log
