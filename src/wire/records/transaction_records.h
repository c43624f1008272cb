// Records of __transaction_state: the state of one transactional id (KIP-98, KIP-890). See records/versioned.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/types.h"

namespace chronik::wire {

struct TransactionLogKey {
  static constexpr Schema kSchema{.name = "TransactionLogKey", .min = 0, .max = 0};

  std::string transactional_id;
};

struct TransactionLogValue {
  static constexpr Schema kSchema{.name = "TransactionLogValue", .min = 0, .max = 1, .flexible_since = 1};

  struct Partitions {
    std::string topic;
    std::vector<PartitionIndex> partition_ids;
  };

  ProducerId producer_id{-1};
  ProducerId previous_producer_id{-1};
  ProducerId next_producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  ProducerEpoch next_producer_epoch{-1};
  std::int32_t transaction_timeout_ms = 0;
  std::int8_t transaction_status = 0;
  std::optional<std::vector<Partitions>> transaction_partitions;
  UnixMillis transaction_last_update_timestamp_ms{-1};
  UnixMillis transaction_start_timestamp_ms{-1};
  std::int16_t client_transaction_version = 0;
};

}  // namespace chronik::wire
