// The group coordinator of one shard: membership of consumer groups, classic and
// new (KIP-848), and their committed offsets. The face of
// this room; handlers pass wire messages in and send what comes back.
//
// A group belongs to one partition of __consumer_offsets (routing.h) and lives on the shard that owns that partition:
// the server takes a request there first. Every method answers by the context's deadline, with an error of Kafka's if
// it must; none fails otherwise.
//
// Invariants: what an OffsetCommit, SyncGroup or DeleteGroups acknowledged is durable in __consumer_offsets, and an
// offset becomes visible only then. No timer runs but one per coordinator, set to the earliest deadline of its groups.
// Memory is bounded by GroupConfig. All calls on the shard's thread.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "base/time.h"
#include "coord/group_config.h"
#include "coord/journal.h"
#include "coord/topics.h"
#include "coord/transaction.h"
#include "log/partition.h"
#include "shard/shard.h"
#include "task/task.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/consumer_group_heartbeat.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/join_group.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_delete.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/sync_group.h"
#include "wire/messages/txn_offset_commit.h"

namespace chronik::coord {

class Core;

/// Who asks, and until when an answer is of use. JoinGroup and SyncGroup wait for other members: give them
/// kRebalanceWaitMax; the group's own time-outs end the wait long before.
struct RequestContext {
  std::string client_id;
  std::string client_host;  // as Kafka shows it: "/127.0.0.1"
  std::int16_t api_version = 0;
  Deadline deadline;
};

/// The longest rebalance time-out that a client can ask for (an int32 of milliseconds, almost 25 days).
inline constexpr Duration kRebalanceWaitMax = std::chrono::milliseconds(INT32_MAX) + std::chrono::minutes(10);

class GroupCoordinator {
 public:
  /// `topics` outlives the coordinator.
  GroupCoordinator(shard::Shard& shard, Topics& topics, GroupConfig config);
  /// Whoever still waits gets NOT_COORDINATOR on the next turn.
  ~GroupCoordinator();
  GroupCoordinator(const GroupCoordinator&) = delete;
  GroupCoordinator& operator=(const GroupCoordinator&) = delete;

  /// This shard owns that partition of __consumer_offsets: its groups are loaded, in the background, and then served.
  /// Until then they answer COORDINATOR_LOAD_IN_PROGRESS.
  void own(PartitionIndex index, log::PartitionPtr partition);
  /// It does no longer: its groups are forgotten and whoever waits in them gets NOT_COORDINATOR.
  void disown(PartitionIndex index);
  /// Topics may have gone: their offsets are removed.
  void topics_changed();
  void set_config(const GroupConfig& config);
  /// Answers whoever waits with NOT_COORDINATOR, refuses everything from now on, ends the background work.
  task::Task<void> close(Deadline until);

  task::Task<wire::JoinGroupResponse> join_group(wire::JoinGroupRequest request, RequestContext context);
  task::Task<wire::SyncGroupResponse> sync_group(wire::SyncGroupRequest request, RequestContext context);
  wire::HeartbeatResponse heartbeat(const wire::HeartbeatRequest& request, const RequestContext& context);
  task::Task<wire::LeaveGroupResponse> leave_group(wire::LeaveGroupRequest request, RequestContext context);

  /// The new consumer protocol (KIP-848): joins, stays in and leaves.
  task::Task<wire::ConsumerGroupHeartbeatResponse> consumer_group_heartbeat(wire::ConsumerGroupHeartbeatRequest request,
                                                                            RequestContext context);

  task::Task<wire::OffsetCommitResponse> offset_commit(wire::OffsetCommitRequest request, RequestContext context);
  /// The first of the three parts of a TxnOffsetCommit: nullopt if the transaction includes the group's partition
  /// already; else see that it does (or verify), and commit with what this gave.
  std::optional<log::TransactionPass> begin_transactional_commit(const std::string& group, ProducerIdentity producer);
  task::Task<wire::TxnOffsetCommitResponse> txn_offset_commit(wire::TxnOffsetCommitRequest request,
                                                              log::TransactionPass pass, RequestContext context);
  /// Ends a transaction in that partition of __consumer_offsets; its offsets count from then on, or are forgotten.
  std::expected<Journal::WritePtr, ErrorCode> write_marker(PartitionIndex index, ProducerIdentity producer,
                                                           bool commits, std::int32_t coordinator_epoch);
  task::Task<wire::OffsetDeleteResponse> offset_delete(wire::OffsetDeleteRequest request, RequestContext context);

  // Requests that may name groups of several shards: each coordinator gets its part (routing.h splits and merges).
  wire::OffsetFetchResponse offset_fetch(const wire::OffsetFetchRequest& request, const RequestContext& context);
  wire::DescribeGroupsResponse describe_groups(const wire::DescribeGroupsRequest& request,
                                               const RequestContext& context);
  task::Task<wire::ConsumerGroupDescribeResponse> consumer_group_describe(wire::ConsumerGroupDescribeRequest request,
                                                                          RequestContext context);
  task::Task<wire::DeleteGroupsResponse> delete_groups(wire::DeleteGroupsRequest request, RequestContext context);
  /// Asks every shard; the answers are concatenated.
  wire::ListGroupsResponse list_groups(const wire::ListGroupsRequest& request, const RequestContext& context);

  /// CHECKs every invariant of every group.
  void check_invariants() const;

 private:
  std::shared_ptr<Core> core_;  // shared with what waits and with the background work
};

}  // namespace chronik::coord
