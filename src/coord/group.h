// Group: the state machine of one classic consumer group (Kafka's ClassicGroup). Pure: events and the time go in, an
// Update comes out: answers to requests that waited, and group metadata to be written. No I/O, no clock, no chance.
//
//   Empty --join--> PreparingRebalance --all joined or time-out--> CompletingRebalance --leader's SyncGroup
//   written--> Stable; anything that changes the membership leads back to PreparingRebalance, losing the last member to
//   Empty; Dead is a group on its way out.
//
// Invariants (group_invariants.cc): the generation never goes back; every waiting request belongs to a member, is
// answered once, and by the deadline that stands in the state; the leader is a member; a protocol in use is supported
// by every member; an instance id belongs to one member.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "coord/group_config.h"
#include "coord/member.h"
#include "wire/errors.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/join_group.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/sync_group.h"
#include "wire/records/group_records.h"

namespace chronik::coord {

using wire::ErrorCode;

enum class GroupState : std::uint8_t { empty, preparing_rebalance, completing_rebalance, stable, dead };
/// Kafka's spelling: "PreparingRebalance".
std::string_view to_string(GroupState state);

/// The time of an event, in both clocks: deadlines count on the first, records carry the second.
struct Clock {
  Instant now;
  UnixMillis wall;
};

using StoreId = Strong<struct StoreIdTag, std::uint64_t>;

/// Group metadata to be written; stored() tells what became of it.
struct Store {
  StoreId id;
  wire::GroupMetadataValue value;
};

struct Update {
  std::vector<std::pair<Ticket, wire::JoinGroupResponse>> joins;
  std::vector<std::pair<Ticket, wire::SyncGroupResponse>> syncs;
  std::vector<Store> stores;
};

/// Who joins.
struct Joiner {
  std::string client_id;
  std::string client_host;
  std::int16_t api_version = 0;
  std::string unique;  // random text that makes a member id unique
};

class Group {
 public:
  /// Empty. `config` outlives the group.
  Group(std::string id, const GroupConfig& config, Clock at);

  // --- Events ---
  Update join(Ticket ticket, const wire::JoinGroupRequest& request, const Joiner& joiner, Clock at);
  Update sync(Ticket ticket, const wire::SyncGroupRequest& request);
  ErrorCode heartbeat(std::string_view member, const std::optional<std::string>& instance, std::int32_t generation,
                      Clock at);
  /// Removes members; `results` run parallel to `leaving`.
  Update leave(const std::vector<wire::LeaveGroupRequest::MemberIdentity>& leaving, std::vector<ErrorCode>& results,
               Clock at);
  /// Whether an OffsetCommit may go ahead; it counts as a heartbeat.
  ErrorCode commit_offsets(std::string_view member, const std::optional<std::string>& instance, std::int32_t generation,
                           Clock at);
  /// A Store was written, or not.
  Update stored(StoreId id, ErrorCode error, Clock at);
  /// Does what is due. Call when earliest_deadline() has passed.
  Update expire(Clock at);
  /// Answers whoever waits with `error`; the group is Dead afterwards.
  Update abandon(ErrorCode error, Clock at);
  /// Members are to join again, for a reason from outside.
  Update rebalance(Clock at);
  /// Deletion begins, and its failure: Empty to Dead and back.
  void begin_deletion();
  void cancel_deletion();

  // --- Records ---
  /// Replaces all state by what a record says. Sessions start with start_sessions(), when loading has ended.
  void restore(const wire::GroupMetadataValue& value);
  Update start_sessions(Clock at);
  wire::GroupMetadataValue snapshot() const;

  // --- Looking ---
  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  std::int32_t generation() const { return generation_; }
  /// Unset: a simple group, which only stores offsets.
  const std::optional<std::string>& protocol_type() const { return protocol_type_; }
  const std::optional<std::string>& protocol() const { return protocol_; }
  const std::optional<std::string>& leader() const { return leader_; }
  const std::map<std::string, Member, std::less<>>& members() const { return members_; }
  bool uses_consumer_protocol() const;
  /// Topics that its members subscribed to; unset when not known.
  const std::optional<std::set<std::string, std::less<>>>& subscribed_topics() const { return subscribed_topics_; }
  /// Kafka's rule for OffsetDelete: a consumer group whose topics are unknown counts as subscribed to all.
  bool is_subscribed_to(std::string_view topic) const;
  UnixMillis state_since() const { return state_since_; }
  wire::DescribeGroupsResponse::Group describe() const;

  /// Nothing in it and nothing ever written about it: may be forgotten at once.
  bool vacant() const;
  /// When expire() has something to do, at the earliest; never later than what is due. A heartbeat moves deadlines out
  /// without telling, so expire() may find nothing.
  std::optional<Instant> earliest_deadline() const { return earliest_; }
  /// Memory held, about.
  std::size_t footprint() const { return footprint_; }
  void check_invariants() const;

 private:
  struct StaticReplacement {
    Ticket ticket;
    std::string instance;
    std::string old_id;
    std::string new_id;
    std::vector<Member::Protocol> old_protocols;
    std::int32_t old_rebalance_timeout_ms = 0;
    std::int32_t old_session_timeout_ms = 0;
    std::optional<std::string> old_leader;
    std::int16_t api_version = 0;
  };
  using Assignments = std::map<std::string, Buffer, std::less<>>;
  /// What awaits a write. Without assignments or replacement: an empty generation, which nobody waits for.
  struct PendingStore {
    std::int32_t generation = 0;
    std::optional<Assignments> assignments;
    std::optional<StaticReplacement> replacement;
  };
  struct Joining {
    Ticket ticket;
    const wire::JoinGroupRequest& request;
    const Joiner& joiner;
    std::vector<Member::Protocol> protocols;
    std::int32_t rebalance_timeout_ms = 0;
    Clock at;
  };

  // group_join.cc
  bool accepts(std::string_view member) const;
  bool supports(const std::string& protocol_type, const std::vector<Member::Protocol>& protocols) const;
  void join_new(Joining& joining, Update& update);
  void join_known(Joining& joining, Update& update);
  void join_known_member(Joining& joining, Member& member, Update& update);
  void replace_static(Joining& joining, const std::string& old_id, const std::string& new_id, Update& update);
  void static_replaced(const PendingStore& pending, ErrorCode error, Clock at, Update& update);
  void add_member(Joining& joining, const std::string& id, Update& update);
  void update_member(Member& member, Joining& joining, Update& update);

  // group_rebalance.cc
  void transition(GroupState to, Clock at);
  bool can_rebalance() const;
  bool all_joined() const { return awaiting_join_ == members_.size() && pending_joins_.empty(); }
  void prepare_rebalance(Clock at, Update& update);
  void prepare_or_complete(Clock at, Update& update);
  void complete_if_all_joined(Clock at, Update& update);
  void complete_join(Clock at, Update& update);
  void initial_delay_over(Clock at, Update& update);
  bool elect_joined_leader();
  void next_generation(Clock at);
  std::string select_protocol() const;
  std::optional<std::set<std::string, std::less<>>> compute_subscribed_topics() const;
  void propagate_assignments(ErrorCode error, Clock at, Update& update);
  std::int32_t rebalance_timeout_ms() const;

  // group.cc
  void drop(const std::string& id, Clock at, Update& update);
  void sync_over(Clock at, Update& update);

  // group_members.cc
  ErrorCode validate(std::string_view member, const std::optional<std::string>& instance) const;
  Member* find(std::string_view id);
  Member& insert(Member member);
  void remove(std::string_view id, Update& update);
  void rename(const std::string& old_id, const std::string& new_id, Update& update);
  void set_protocols(Member& member, std::vector<Member::Protocol> protocols);
  void set_assignment(Member& member, Buffer assignment);
  void count_protocols(const Member& member, int by);
  void answer_join(Member& member, wire::JoinGroupResponse response, Update& update);
  void answer_sync(Member& member, wire::SyncGroupResponse response, Update& update);
  wire::JoinGroupResponse joined(const Member& member) const;
  void restart_session(Member& member, Duration span, Clock at);
  void restart_session(Member& member, Clock at);
  void settle_owed_sync(Member& member);
  void due_at(Instant at);
  void recompute_earliest();
  static std::size_t pending_join_footprint(const std::string& id);
  bool sessions_not_started() const { return !sessions_started_; }

  std::string id_;
  const GroupConfig* config_;
  GroupState state_ = GroupState::empty;
  GroupState previous_state_ = GroupState::empty;
  UnixMillis state_since_;
  std::int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_;
  std::optional<std::string> leader_;
  std::map<std::string, Member, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> static_members_;  // instance id -> member id
  std::map<std::string, Instant, std::less<>> pending_joins_;       // ids given out, not joined yet (KIP-394)
  std::map<std::string, std::size_t, std::less<>> protocol_counts_;
  std::optional<std::set<std::string, std::less<>>> subscribed_topics_;
  std::size_t awaiting_join_ = 0;

  std::optional<Instant> join_ends_;  // of PreparingRebalance
  bool initial_ = false;              // join_ends_ is the end of an initial delay
  bool new_member_added_ = false;
  Duration initial_step_{};
  Duration initial_remaining_{};
  std::optional<Instant> sync_ends_;  // for members that owe a SyncGroup

  std::map<StoreId, PendingStore> pending_stores_;
  StoreId last_store_{0};
  std::optional<Instant> earliest_;
  bool sessions_started_ = true;  // false between restore() and start_sessions()
  std::size_t footprint_ = 0;
};

}  // namespace chronik::coord
