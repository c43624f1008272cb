// One member of a classic group, as the coordinator knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/strong.h"
#include "base/time.h"
#include "wire/messages/join_group.h"

namespace chronik::coord {

/// Names one request that waits for its answer; given out by the coordinator, never twice.
using Ticket = Strong<struct TicketTag, std::uint64_t>;

struct Member {
  struct Protocol {
    std::string name;
    Buffer metadata;  // opaque; a copy of our own

    bool operator==(const Protocol& other) const;
  };

  std::string id;
  std::optional<std::string> instance_id;  // set: a static member (KIP-345)
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::vector<Protocol> protocols;  // in order of preference
  Buffer assignment = {};

  std::optional<Ticket> join = {};  // its JoinGroup waits
  std::optional<Ticket> sync = {};  // its SyncGroup waits
  bool is_new = false;              // no generation has seen it yet
  bool owes_sync = false;           // has not sent SyncGroup in this generation
  std::optional<Instant> session_ends = {};

  bool supports(std::string_view protocol) const;
  /// What the member said under that protocol; empty if nothing.
  Buffer metadata(std::string_view protocol) const;
  bool matches(const std::vector<Protocol>& others) const { return protocols == others; }
  /// Memory held, about.
  std::size_t footprint() const;
};

/// Copies: what a request holds are slices of its receive buffer. Of several with one name the first counts.
std::vector<Member::Protocol> copy_protocols(const std::vector<wire::JoinGroupRequest::Protocol>& protocols);

}  // namespace chronik::coord
