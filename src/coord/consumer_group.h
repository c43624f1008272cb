// ConsumerGroup: the state machine of one group of the new consumer protocol (KIP-848). Members say what they want in
// heartbeats; the group works out who is to have what (target), and leads each member there by itself: what it must
// give up first, then what others have given up. Pure: events, topics and the time go in, records to be written come
// out of take_records(). No I/O, no clock, no chance.
//
//   group epoch       counts changes of membership, subscriptions, topics
//   assignment epoch  the group epoch that the target was made for
//   member epoch      the assignment epoch that a member has got to
//
// Invariants (consumer_group_invariants.cc): a partition belongs to one member at most, also while it is given up;
// epochs never go back, and no member is ahead of the target; an instance id belongs to one member; a group that has
// members has all of their sessions under a deadline.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coord/assignor.h"
#include "coord/consumer_member.h"
#include "coord/group.h"
#include "coord/group_config.h"
#include "coord/group_store.h"
#include "coord/topics.h"
#include "wire/errors.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/consumer_group_heartbeat.h"
#include "wire/records/group_records.h"

namespace chronik::coord {

enum class ConsumerGroupState : std::uint8_t { empty, assigning, reconciling, stable };
/// Kafka's spelling: "Reconciling".
std::string_view to_string(ConsumerGroupState state);

/// Why a request is turned down, in Kafka's words.
struct Refusal {
  ErrorCode error = ErrorCode::none;
  std::string message;
};

class ConsumerGroup {
 public:
  using Request = wire::ConsumerGroupHeartbeatRequest;
  using Response = wire::ConsumerGroupHeartbeatResponse;
  using Names = std::set<std::string, std::less<>>;
  using Resolved = std::map<std::string, Names>;  // topics by regular expression

  /// Who speaks.
  struct Caller {
    std::string client_id;
    std::string client_host;
    std::string unique;  // a member id for who has none
  };

  /// `config` outlives the group.
  ConsumerGroup(std::string id, const GroupConfig& config);

  // --- Events (consumer_group_heartbeat.cc, consumer_group_leave.cc) ---
  /// What a heartbeat is refused for; nothing has changed then. Ask before heartbeat() and leave().
  std::optional<Refusal> refusal(const Request& request) const;
  /// Whether heartbeat() would leave everything as it is.
  bool is_steady(const Request& request, const Caller& caller, const Topics& topics) const;
  Response heartbeat(const Request& request, const Caller& caller, const Topics& topics, Clock at);
  /// Member epochs -1 and -2.
  Response leave(const Request& request, const Topics& topics);
  /// LeaveGroup: an administrator, or a client that closes, removes members.
  ErrorCode remove(std::string_view member, const std::optional<std::string>& instance, const Topics& topics);
  /// Does what is due. Call when earliest_deadline() has passed.
  void expire(const Topics& topics, Clock at);
  /// Whether a member's time is over.
  bool is_due(Instant now) const;

  // --- Members that speak the classic protocol (consumer_group_classic.cc) ---
  /// What their JoinGroup is refused for; nothing has changed then. MEMBER_ID_REQUIRED is for who has no id yet.
  ErrorCode join_refusal(const wire::JoinGroupRequest& request, std::int16_t api_version) const;
  wire::JoinGroupResponse join_classic(const wire::JoinGroupRequest& request, const Caller& caller,
                                       const Topics& topics, Clock at);
  wire::SyncGroupResponse sync_classic(const wire::SyncGroupRequest& request, const Topics& topics, Clock at);
  ErrorCode heartbeat_classic(std::string_view member, const std::optional<std::string>& instance,
                              std::int32_t generation, Clock at);

  // --- From and to a live classic group (consumer_group_migrate.cc) ---
  /// Takes over all members with what they have. False if they do not speak as consumers do; then this one is of no
  /// use.
  bool adopt(const Group& group, const Topics& topics, Clock at);
  /// As a classic group, if every member speaks that protocol.
  std::optional<wire::GroupMetadataValue> as_classic(const Topics& topics, Clock at) const;

  // --- Regular expressions (consumer_group_regex.cc) ---
  /// Those to look up now; empty if there is no need to. The answer goes to resolved().
  std::vector<std::string> to_resolve(const Topics& topics, Clock at) const;
  void resolved(const Resolved& topics_by_regex, std::int64_t version, const Topics& topics, Clock at);

  // --- Offsets (consumer_group.cc) ---
  /// Whether a commit or a fetch of offsets may go ahead, as a whole; `epoch` < 0 and no member: not by a member.
  ErrorCode validate_commit(std::string_view member, std::int32_t epoch, std::int16_t api_version) const;
  ErrorCode validate_fetch(const std::optional<std::string>& member, std::int32_t epoch) const;
  /// A member that lags may still commit for what it has had since then (KIP-1251).
  bool may_commit(std::string_view member, std::int32_t epoch, TopicId topic, PartitionIndex partition) const;

  // --- Records (consumer_group_record.cc) ---
  /// What has changed since the last call, as one batch to be written. Errors: invalid_argument (a name too long).
  Result<std::vector<Record>> take_records();
  /// Tombstones for all of it.
  Result<std::vector<Record>> tombstones() const;
  /// One record read back. True if that ended the group. Errors: corrupt, unsupported.
  Result<bool> replay(const wire::GroupKey& key, const std::optional<Buffer>& value);
  /// After loading: mends what no log of ours says; sessions begin now.
  void start_sessions(Clock at);

  // --- Looking ---
  const std::string& id() const { return id_; }
  ConsumerGroupState state() const;
  std::int32_t epoch() const { return epoch_; }
  std::int32_t assignment_epoch() const { return assignment_epoch_; }
  const std::map<std::string, ConsumerMember, std::less<>>& members() const { return members_; }
  bool empty() const { return members_.empty(); }
  bool is_subscribed_to(std::string_view topic) const;
  wire::ConsumerGroupDescribeResponse::Group describe(const Topics& topics) const;
  /// Null if nobody has it.
  const ConsumerMember* owner_of(TopicId topic, PartitionIndex partition) const;
  /// When expire() has something to do, at the earliest.
  std::optional<Instant> earliest_deadline() const { return earliest_; }
  /// Memory held, about.
  std::size_t footprint() const { return footprint_; }
  void check_invariants() const;

 private:
  struct ResolvedRegex {
    Names topics;
    std::int64_t version = 0;
    UnixMillis at;

    std::size_t footprint() const;
  };
  /// What must be written. A member, or an expression, that is no longer there gets a tombstone.
  struct Dirty {
    bool group = false;
    bool assignment = false;
    bool old_metadata = false;
    std::set<std::string, std::less<>> metadata;
    std::set<std::string, std::less<>> targets;
    std::set<std::string, std::less<>> currents;
    std::set<std::string, std::less<>> regexes;
  };
  using Owned = std::optional<std::vector<Request::TopicPartitions>>;

  // consumer_group_heartbeat.cc
  std::optional<Refusal> static_refusal(const Request& request) const;
  std::optional<Refusal> epoch_refusal(const ConsumerMember& member, const Request& request) const;
  ConsumerMember& enter(const Request& request, const Caller& caller);
  ConsumerMember& replace_static(const std::string& old_id, const std::string& new_id);
  bool take_subscription(ConsumerMember& member, const Request& request, const Caller& caller,
                         std::optional<ConsumerMember::Classic> classic);
  std::pair<ConsumerMember&, bool> step(const Request& request, const Caller& caller,
                                        std::optional<ConsumerMember::Classic> classic, const Topics& topics, Clock at);

  // consumer_group_classic.cc
  std::optional<std::string> common_protocol(const std::vector<std::string>& offered) const;
  std::expected<ConsumerMember*, ErrorCode> classic_member(std::string_view member,
                                                           const std::optional<std::string>& instance,
                                                           std::int32_t generation);
  bool must_rejoin(const ConsumerMember& member) const;
  void expect_join(ConsumerMember& member, Clock at);

  // consumer_group_assign.cc
  void update_metadata(bool bump, const Topics& topics);
  Names subscribed_topics() const;
  Names topics_of(const ConsumerMember& member) const;
  void assign(const Topics& topics, Clock at);
  std::string assignor_name() const;

  // consumer_group_reconcile.cc
  bool reconcile(ConsumerMember& member, bool subscription_changed, const Owned& owned, const Topics& topics, Clock at);
  void drop_unsubscribed(ConsumerMember& member, const Owned& owned, const std::set<TopicId>& subscribed);
  void advance(ConsumerMember& member, const Owned& owned, const std::set<TopicId>& subscribed);
  void set_current(ConsumerMember& member, MemberState state, std::int32_t epoch, GivenPartitions assigned,
                   GivenPartitions revoking);

  // consumer_group_record.cc
  ConsumerMember& restored(const std::string& id);
  Status replay_metadata(const std::string& id, const std::optional<Buffer>& bytes);
  Status replay_target(const std::string& id, const std::optional<Buffer>& bytes);
  Status replay_current(const std::string& id, const std::optional<Buffer>& bytes);

  // consumer_group.cc
  ConsumerMember* find(std::string_view member);
  const ConsumerMember* find(std::string_view member) const;
  void drop(const std::string& id, const Topics& topics);
  void claim(const ConsumerMember& member);
  void disclaim(const ConsumerMember& member);
  void forget_instance(const ConsumerMember& member);
  void set_regex(const std::string& regex, ResolvedRegex found);
  bool erase_regex(const std::string& regex);
  bool is_used(const std::string& regex) const;
  void forget_regex(const std::string& regex);
  void recount(ConsumerMember& member);
  void restart_session(ConsumerMember& member, Clock at);
  void due_at(Instant at);
  void recompute_earliest();

  std::string id_;
  const GroupConfig* config_;
  std::int32_t epoch_ = 0;
  std::int64_t metadata_hash_ = 0;
  std::int32_t assignment_epoch_ = 0;
  UnixMillis assigned_at_{0};
  std::map<std::string, ConsumerMember, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> static_members_;  // instance id -> member id
  std::map<TopicId, std::map<PartitionIndex, std::string>> owners_;
  std::map<std::string, ResolvedRegex, std::less<>> regexes_;
  std::int64_t seen_version_ = -1;  // of the topics, at the last look
  Dirty dirty_;
  std::optional<Instant> earliest_;
  std::size_t footprint_ = 0;
};

/// What a heartbeat is refused for whatever the group says.
std::optional<Refusal> check_heartbeat(const ConsumerGroup::Request& request, std::int16_t api_version,
                                       const GroupConfig& config);

}  // namespace chronik::coord
