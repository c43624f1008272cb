// ListTransactions: which transactions a coordinator knows (KIP-664, KIP-994, KIP-1152).
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

struct ListTransactionsResponse;

struct ListTransactionsRequest {
  static constexpr Schema kSchema = api_schema("ListTransactionsRequest", ApiKey::list_transactions);
  using Response = ListTransactionsResponse;

  std::vector<std::string> state_filters;
  std::vector<ProducerId> producer_id_filters;
  std::int64_t duration_filter = -1;
  std::optional<std::string> transactional_id_pattern;
};

struct ListTransactionsResponse {
  static constexpr Schema kSchema = api_schema("ListTransactionsResponse", ApiKey::list_transactions);

  struct State {
    std::string transactional_id;
    ProducerId producer_id{-1};
    std::string transaction_state;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<std::string> unknown_state_filters;
  std::vector<State> transaction_states;
};

}  // namespace chronik::wire
