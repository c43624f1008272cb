// For tests: one group, its clock, and whatever came out of it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "coord/group.h"

namespace chronik::coord {

inline Buffer bytes_of(std::string_view text) {
  return Buffer::copy_of(as_bytes(text));
}
inline std::string text_of(const Buffer& buffer) {
  return std::string(as_text(buffer.span()));
}

/// What a test says about a member that joins; the rest are a client's defaults.
struct Join {
  std::string member = {};
  std::optional<std::string> instance = {};
  std::vector<std::pair<std::string, std::string>> protocols = {{"range", "r"}};
  std::int32_t rebalance_ms = 60'000;
  std::int32_t session_ms = 10'000;
  std::string type = "consumer";
  std::int16_t version = 3;
};

class GroupRig {
 public:
  explicit GroupRig(GroupConfig settings = {})
      : config(settings), clock{Instant{1'000'000'000}, UnixMillis(1'700'000'000'000)}, group("g", config, clock) {}
  ~GroupRig() { group.check_invariants(); }
  GroupRig(const GroupRig&) = delete;
  GroupRig& operator=(const GroupRig&) = delete;

  Ticket join(const Join& who) {
    wire::JoinGroupRequest request;
    request.group_id = "g";
    request.session_timeout_ms = who.session_ms;
    request.rebalance_timeout_ms = who.rebalance_ms;
    request.member_id = who.member;
    request.group_instance_id = who.instance;
    request.protocol_type = who.type;
    for (const auto& [name, metadata] : who.protocols) request.protocols.push_back({name, bytes_of(metadata)});
    const Ticket ticket(++tickets_);
    take(group.join(ticket, request, {"client", "/10.0.0.1", who.version, std::to_string(tickets_)}, clock));
    return ticket;
  }
  Ticket sync(const std::string& member, std::int32_t generation,
              const std::vector<std::pair<std::string, std::string>>& assignments = {},
              std::optional<std::string> instance = std::nullopt, std::optional<std::string> protocol = std::nullopt) {
    wire::SyncGroupRequest request;
    request.group_id = "g";
    request.generation_id = generation;
    request.member_id = member;
    request.group_instance_id = std::move(instance);
    request.protocol_name = std::move(protocol);
    for (const auto& [to, assignment] : assignments) request.assignments.push_back({to, bytes_of(assignment)});
    const Ticket ticket(++tickets_);
    take(group.sync(ticket, request));
    return ticket;
  }
  ErrorCode heartbeat(const std::string& member, std::int32_t generation,
                      const std::optional<std::string>& instance = std::nullopt) {
    const ErrorCode error = group.heartbeat(member, instance, generation, clock);
    group.check_invariants();
    return error;
  }
  std::vector<ErrorCode> leave(const std::vector<std::pair<std::string, std::optional<std::string>>>& who) {
    std::vector<wire::LeaveGroupRequest::MemberIdentity> leaving;
    for (const auto& [member, instance] : who) leaving.push_back({member, instance, std::nullopt});
    std::vector<ErrorCode> results;
    take(group.leave(leaving, results, clock));
    return results;
  }
  ErrorCode commit(const std::string& member, std::int32_t generation,
                   const std::optional<std::string>& instance = std::nullopt) {
    return group.commit_offsets(member, instance, generation, clock);
  }
  /// The outcome of every write asked for so far.
  void settle(ErrorCode error = ErrorCode::none) {
    auto stores = std::exchange(written, {});
    for (const Store& store : stores) take(group.stored(store.id, error, clock));
  }
  /// Time passes; what becomes due happens when it is due.
  void pass(Duration span) {
    const Instant end = clock.now + span;
    while (group.earliest_deadline() && *group.earliest_deadline() <= end) {
      move_to(std::max(*group.earliest_deadline(), clock.now));
      take(group.expire(clock));
    }
    move_to(end);
  }
  void take(Update update) {
    for (auto& [ticket, response] : update.joins) {
      EXPECT_TRUE(joins.emplace(ticket, std::move(response)).second) << "answered twice";
    }
    for (auto& [ticket, response] : update.syncs) {
      EXPECT_TRUE(syncs.emplace(ticket, std::move(response)).second) << "answered twice";
    }
    for (Store& store : update.stores) written.push_back(std::move(store));
    group.check_invariants();
  }

  bool joined(Ticket ticket) const { return joins.contains(ticket); }
  /// The code that a JoinGroup got; -1 (unknown_server_error) while it waits.
  ErrorCode join_code(Ticket ticket) const {
    return joined(ticket) ? joins.at(ticket).error_code : ErrorCode::unknown_server_error;
  }
  ErrorCode sync_code(Ticket ticket) const {
    return syncs.contains(ticket) ? syncs.at(ticket).error_code : ErrorCode::unknown_server_error;
  }

  /// Lets `joins` in, from an empty group, up to a stable one in which each has the assignment "to <member>". Gives
  /// the member ids, in order; the first leads.
  std::vector<std::string> stabilize(const std::vector<Join>& members) {
    std::vector<Ticket> tickets;
    for (const Join& member : members) tickets.push_back(join(member));
    pass(config.initial_rebalance_delay * 2);
    if (!joined(tickets.front())) pass(5min);
    std::vector<std::string> ids;
    for (const Ticket ticket : tickets) ids.push_back(joins.at(ticket).member_id);
    assign(ids);
    return ids;
  }
  void assign(const std::vector<std::string>& ids) {
    std::vector<std::pair<std::string, std::string>> assignments;
    for (const std::string& id : ids) assignments.emplace_back(id, "to " + id);
    const std::string leader = group.leader().value();
    sync(leader, group.generation(), assignments);
    for (const std::string& id : ids) {
      if (id != leader) sync(id, group.generation());
    }
    settle();
    EXPECT_EQ(group.state(), GroupState::stable);
  }

  GroupConfig config;
  Clock clock;
  Group group;
  std::map<Ticket, wire::JoinGroupResponse> joins;
  std::map<Ticket, wire::SyncGroupResponse> syncs;
  std::vector<Store> written;

 private:
  void move_to(Instant at) {
    clock.wall = UnixMillis(clock.wall.value() + (at - clock.now) / std::chrono::milliseconds(1));
    clock.now = at;
  }
  std::uint64_t tickets_ = 0;
};

}  // namespace chronik::coord
