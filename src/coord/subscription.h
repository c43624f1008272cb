// What the coordinator reads out of the opaque bytes of consumers: the topics of a ConsumerProtocolSubscription, for
// offset expiry and OffsetDelete.
#pragma once

#include <set>
#include <string>

#include "base/bytes.h"

namespace chronik::coord {

/// Adds the subscribed topics. Only what version 0 defines is looked at, which prefixes every later version. False if
/// the bytes are no subscription: clients are free to put anything there.
bool add_subscribed_topics(ByteSpan metadata, std::set<std::string, std::less<>>& topics);

}  // namespace chronik::coord
