// FindCoordinator for groups: on one node the coordinator is this node as soon as __consumer_offsets exists, which the
// first such request brings about.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/time.h"
#include "coord/topics.h"
#include "task/task.h"
#include "wire/messages/find_coordinator.h"

namespace chronik::coord {

/// This node as clients reach it on the listener that they asked on.
struct Endpoint {
  BrokerId node;
  std::string host;
  std::int32_t port = 0;
};

/// Keys of type group. COORDINATOR_NOT_AVAILABLE when the topic could not be made by the deadline; INVALID_REQUEST for
/// other key types.
task::Task<wire::FindCoordinatorResponse> find_group_coordinator(wire::FindCoordinatorRequest request,
                                                                 std::int16_t api_version, Topics& topics,
                                                                 std::int32_t offsets_topic_partitions, Endpoint self,
                                                                 Deadline until);

}  // namespace chronik::coord
