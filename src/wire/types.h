// Field types shared by messages: enumerations of the protocol, and the zero-copy carriers of records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"

namespace chronik::wire {

/// Any 128-bit identity that is not a topic's: log directories, members.
using Uuid = TopicId;

/// Record batches of a fetch response: a gather list, so that batches from tail and segments travel without a copy.
struct Records {
  std::vector<Buffer> pieces;

  std::size_t size() const {
    std::size_t total = 0;
    for (const Buffer& piece : pieces) total += piece.size();
    return total;
  }
};

// Values outside these lists reach handlers as they came: a handler must have a default branch.

enum class IsolationLevel : std::int8_t { read_uncommitted = 0, read_committed = 1 };

enum class CoordinatorType : std::int8_t { group = 0, transaction = 1, share = 2 };

enum class ConfigResourceType : std::int8_t {
  unknown = 0,
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32,
};

enum class ConfigOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

enum class ConfigSource : std::int8_t {
  unknown = -1,  // the default in messages; Kafka's table calls 0 unknown as well
  unset = 0,
  dynamic_topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_value = 5,
  dynamic_broker_logger = 6,
  client_metrics = 7,
  group = 8,
};

enum class ConfigType : std::int8_t {
  unknown = 0,
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  float64 = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

enum class EndpointType : std::int8_t { unknown = 0, broker = 1, controller = 2 };

/// "Authorized operations" fields when the client did not ask for them.
inline constexpr std::int32_t kOperationsNotRequested = INT32_MIN;

/// Special timestamps of ListOffsets requests (KIP-79, KIP-405, KIP-734, KIP-1005).
inline constexpr UnixMillis kLatestTimestamp{-1};
inline constexpr UnixMillis kEarliestTimestamp{-2};
inline constexpr UnixMillis kMaxTimestamp{-3};
inline constexpr UnixMillis kEarliestLocalTimestamp{-4};
inline constexpr UnixMillis kLatestTieredTimestamp{-5};
inline constexpr UnixMillis kEarliestPendingUploadTimestamp{-6};

}  // namespace chronik::wire
