// AddOffsetsToTxn: a transaction is about to commit offsets of a group (KIP-98).
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

struct AddOffsetsToTxnResponse;

struct AddOffsetsToTxnRequest {
  static constexpr Schema kSchema = api_schema("AddOffsetsToTxnRequest", ApiKey::add_offsets_to_txn);
  using Response = AddOffsetsToTxnResponse;

  std::string transactional_id;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  std::string group_id;
};

struct AddOffsetsToTxnResponse {
  static constexpr Schema kSchema = api_schema("AddOffsetsToTxnResponse", ApiKey::add_offsets_to_txn);

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
};

}  // namespace chronik::wire
