// How a failed write to __consumer_offsets looks to those who caused it; Kafka's tables. Never success.
#pragma once

#include "base/result.h"
#include "wire/errors.h"

namespace chronik::coord {

/// To an OffsetCommit or OffsetDelete.
wire::ErrorCode commit_error(wire::ErrorCode log_error);
/// To JoinGroup, SyncGroup and DeleteGroups.
wire::ErrorCode group_error(wire::ErrorCode log_error);

}  // namespace chronik::coord
