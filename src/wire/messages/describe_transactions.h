// DescribeTransactions: the state of transactions, by transactional id (KIP-664).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/types.h"

namespace chronik::wire {

struct DescribeTransactionsResponse;

struct DescribeTransactionsRequest {
  static constexpr Schema kSchema = api_schema("DescribeTransactionsRequest", ApiKey::describe_transactions);
  using Response = DescribeTransactionsResponse;

  std::vector<std::string> transactional_ids;
};

struct DescribeTransactionsResponse {
  static constexpr Schema kSchema = api_schema("DescribeTransactionsResponse", ApiKey::describe_transactions);

  struct Topic {
    std::string topic;
    std::vector<PartitionIndex> partitions;
  };

  struct State {
    ErrorCode error_code = ErrorCode::none;
    std::string transactional_id;
    std::string transaction_state;
    std::int32_t transaction_timeout_ms = 0;
    UnixMillis transaction_start_time_ms{-1};
    ProducerId producer_id{-1};
    ProducerEpoch producer_epoch{-1};
    std::vector<Topic> topics;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<State> transaction_states;
};

}  // namespace chronik::wire
