// What consumers of the classic protocol put into JoinGroup and SyncGroup as opaque bytes, read and written by the
// coordinator where it leads such members itself.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "coord/consumer_member.h"
#include "coord/topics.h"
#include "wire/records/consumer_protocol.h"

namespace chronik::coord {

/// Unset if the bytes are no subscription.
std::optional<wire::ConsumerProtocolSubscription> read_subscription(const Buffer& metadata);
/// What an assignment gives, by topic id; topics that are gone are left out. No bytes: nothing is assigned. Unset if
/// they are no assignment, or hold data of an assignor's own, which would be lost.
std::optional<PartitionSet> read_assignment(const Buffer& assignment, const Topics& topics);
/// An assignment, of the version of the member's subscription.
Buffer write_assignment(const PartitionSet& partitions, const Buffer& subscription, const Topics& topics);

}  // namespace chronik::coord
