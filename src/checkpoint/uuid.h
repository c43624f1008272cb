// Time-ordered identities (RFC 9562, UUID version 7).
#pragma once

#include "checkpoint/surroundings.h"

namespace chronik::checkpoint {

/// An id of `at` that sorts behind `after`: within a session ids ascend with sequences, so they are found by search.
CheckpointId next_id(Surroundings& world, Time at, const CheckpointId& after);
SessionId new_session_id(Surroundings& world);

}  // namespace chronik::checkpoint
