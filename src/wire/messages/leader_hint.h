// Where the leader is now (KIP-951): sent along with NOT_LEADER_OR_FOLLOWER in Produce and Fetch responses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.h"

namespace chronik::wire {

struct LeaderIdAndEpoch {
  BrokerId leader_id{-1};
  LeaderEpoch leader_epoch{-1};

  bool operator==(const LeaderIdAndEpoch&) const = default;
};

struct NodeEndpoint {
  BrokerId node_id;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;
};

template <class V>
void describe(V& v, LeaderIdAndEpoch& m) {
  v.field("leader_id", m.leader_id);
  v.field("leader_epoch", m.leader_epoch);
}

template <class V>
void describe(V& v, NodeEndpoint& m) {
  v.field("node_id", m.node_id);
  v.field("host", m.host);
  v.field("port", m.port);
  v.field("rack", m.rack, {.nullable = 0});
}

}  // namespace chronik::wire
