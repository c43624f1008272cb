// How a failed write to __consumer_offsets looks to those who caused it; Kafka's tables. Never success.
#pragma once

#include "base/result.h"
#include "wire/errors.h"

namespace chronik::coord {

/// To an OffsetCommit.
wire::ErrorCode commit_error(wire::ErrorCode log_error);
/// To JoinGroup, SyncGroup, OffsetDelete and DeleteGroups.
wire::ErrorCode group_error(wire::ErrorCode log_error);

}  // namespace chronik::coord
