// How the log's internal errors look to a Kafka client. The one mapping, exhaustive; no error becomes success (law 7).
#pragma once

#include "base/result.h"
#include "wire/batch_validation.h"
#include "wire/errors.h"

namespace chronik::log {

wire::ErrorCode to_kafka(Errc code);
wire::Rejection to_rejection(const Error& error);
/// Why wal::Wal gave no room or place: a batch that could never fit is too large, not malformed.
wire::Rejection room_rejection(const Error& error);

}  // namespace chronik::log
