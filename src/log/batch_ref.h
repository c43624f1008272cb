// A record batch as the log holds it: its bytes, stamped, and what is needed without parsing them again.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"

namespace chronik::log {

struct BatchRef {
  Buffer bytes;  // one whole batch (magic 2), base offset and leader epoch stamped
  Offset base;
  Offset last;
  UnixMillis max_timestamp;
  LeaderEpoch leader_epoch;
};

/// Batches in offset order, ready to be sent: each Buffer holds one or more whole batches.
struct Run {
  std::vector<Buffer> pieces;
  std::size_t bytes = 0;
  Offset end;  // one past the last offset in it; equal to where the read began if empty
};

struct TimestampOffset {
  UnixMillis timestamp;
  Offset offset;
  LeaderEpoch leader_epoch;
};

}  // namespace chronik::log
