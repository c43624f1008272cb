// EndTxn: commits or aborts a transaction (KIP-98); from version 5 on the producer gets its next epoch (KIP-890).
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

struct EndTxnResponse;

struct EndTxnRequest {
  static constexpr Schema kSchema = api_schema("EndTxnRequest", ApiKey::end_txn);
  using Response = EndTxnResponse;

  std::string transactional_id;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  bool committed = false;
};

struct EndTxnResponse {
  static constexpr Schema kSchema = api_schema("EndTxnResponse", ApiKey::end_txn);

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
};

}  // namespace chronik::wire
