// InitProducerId: identity of an idempotent or transactional producer (KIP-98, KIP-360).
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

struct InitProducerIdResponse;

struct InitProducerIdRequest {
  static constexpr Schema kSchema = api_schema("InitProducerIdRequest", ApiKey::init_producer_id);
  using Response = InitProducerIdResponse;

  std::optional<std::string> transactional_id;
  std::int32_t transaction_timeout_ms = 0;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
};

struct InitProducerIdResponse {
  static constexpr Schema kSchema = api_schema("InitProducerIdResponse", ApiKey::init_producer_id);

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch;
};

}  // namespace chronik::wire
