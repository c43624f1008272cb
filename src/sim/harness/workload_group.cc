// A consumer of a group, as the classic protocol has it.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/harness/reader.h"
#include "sim/harness/topics.h"
#include "sim/harness/workloads.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/join_group.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/sync_group.h"
#include "wire/records/consumer_protocol.h"
#include "wire/records/versioned.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

constexpr const char* kProtocol = "range";
constexpr std::int32_t kSessionMs = 6000;
constexpr std::int32_t kRebalanceMs = 4000;
// What a member has is its own for so long after its last word, at least: it may be late for a rebalance.
constexpr Duration kHold = 4s;

struct Member {
  Member(ClientKit with, MemberPlan what) : kit(std::move(with)), plan(std::move(what)), session(kit) {}
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  ClientKit kit;
  MemberPlan plan;
  Session session;
  std::string id;
  std::int32_t generation = -1;
  std::vector<std::unique_ptr<Reader>> readers;  // of the partitions that are its own

  std::optional<std::string> instance() const {
    return plan.instance.empty() ? std::nullopt : std::optional(plan.instance);
  }
  std::string owner() const { return plan.instance.empty() ? id : plan.instance; }
};

// What consumers put into these opaque bytes: the broker reads them where members of both protocols are in one group.
constexpr std::int16_t kEmbeddedVersion = 1;

/// Everything is given up before joining: nothing is owned.
Buffer subscription(const std::vector<std::string>& topics) {
  auto bytes = wire::encode_versioned(wire::ConsumerProtocolSubscription{.topics = topics}, kEmbeddedVersion);
  CHECK(bytes);
  return *std::move(bytes);
}

/// The leader's work: partitions in turn.
std::map<std::string, Buffer> assign(const Member& self, const wire::JoinGroupResponse& joined) {
  std::map<std::string, wire::ConsumerProtocolAssignment> assignments;
  std::size_t next = 0;
  for (const std::string& topic : self.plan.topics) {
    const TopicPlan* const about = find_topic(topic);
    for (std::int32_t i = 0; about != nullptr && i < about->partitions; ++i) {
      auto& list = assignments[joined.members[next++ % joined.members.size()].member_id].assigned_partitions;
      if (list.empty() || list.back().topic != topic) list.push_back({topic, {}});
      list.back().partitions.emplace_back(i);
    }
  }
  std::map<std::string, Buffer> bytes;
  for (const auto& [member, assignment] : assignments) {
    auto encoded = wire::encode_versioned(assignment, kEmbeddedVersion);
    CHECK(encoded);
    bytes[member] = *std::move(encoded);
  }
  return bytes;
}

void drop_all(Member& self) {
  self.kit.history.holdings.release_all(self.plan.group, self.owner());
  self.readers.clear();
}

/// Any error of the group: the member is in no generation any more, and may have to be somebody else.
void leave_generation(Member& self, ErrorCode error) {
  self.kit.history.reached(fmt::format("group answered {}", wire::to_string(error)));
  drop_all(self);
  self.generation = -1;
  if (error == ErrorCode::unknown_member_id || error == ErrorCode::fenced_instance_id) self.id.clear();
}

/// `sent`: when the request for it was.
void take_assignment(Member& self, const Buffer& bytes, Instant sent) {
  self.readers.clear();
  if (bytes.empty()) return;
  History& history = self.kit.history;
  const auto assignment = wire::decode_versioned<wire::ConsumerProtocolAssignment>(bytes);
  if (!assignment) return history.violate("owner", "a member got an assignment that is none");
  for (const auto& topic : assignment->assigned_partitions) {
    for (const PartitionIndex index : topic.partitions) {
      const PartitionName partition{topic.topic, index.value()};
      // Where the broker leads, members are in epochs of their own.
      if (!self.plan.mixed)
        history.own(self.plan.group, self.generation, partition, self.owner(), self.kit.context.now());
      const auto before =
          history.holdings.give(self.plan.group, partition, self.owner(), self.kit.context.now(), sent + kHold);
      if (before && before->held) {
        history.violate("exclusive", fmt::format("{} of {} was given to {} while {} held it", partition.to_string(),
                                                 self.plan.group, self.owner(), before->member));
      }
      auto reader = std::make_unique<Reader>(self.kit, partition);
      reader->poll_max = 100ms;
      reader->position = -1;
      self.readers.push_back(std::move(reader));
    }
  }
  if (!self.readers.empty()) history.reached("group member got partitions");
  if (!self.readers.empty() && self.plan.mixed) history.reached("a classic member in a mixed group got partitions");
}

task::Task<bool> sync(Member& self, wire::JoinGroupResponse joined) {
  wire::SyncGroupRequest request;
  request.group_id = self.plan.group;
  request.generation_id = self.generation;
  request.member_id = self.id;
  request.group_instance_id = self.instance();
  request.protocol_type = "consumer";
  request.protocol_name = kProtocol;
  if (joined.leader == self.id && joined.members.size() > 1 && self.generation > 1) {
    self.kit.history.reached("a rebalance with several members");
  }
  if (joined.leader == self.id && !joined.skip_assignment) {
    for (const auto& [member, bytes] : assign(self, joined)) request.assignments.push_back({member, bytes});
  }
  const Instant sent = self.kit.context.now();
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer) co_return false;
  if (answer->error_code != ErrorCode::none) {
    leave_generation(self, answer->error_code);
    co_return false;
  }
  take_assignment(self, answer->assignment, sent);
  co_return true;
}

/// As clients do first; it makes the topic in which groups are kept.
task::Task<bool> find_coordinator(Member& self) {
  wire::FindCoordinatorRequest request;
  request.key_type = wire::CoordinatorType::group;
  request.coordinator_keys.push_back(self.plan.group);
  auto answer = co_await self.session.call(std::move(request), 30s, 4);
  co_return answer && !answer->coordinators.empty() && answer->coordinators[0].error_code == ErrorCode::none;
}

task::Task<bool> join(Member& self) {
  wire::JoinGroupRequest request;
  request.group_id = self.plan.group;
  request.session_timeout_ms = kSessionMs;
  request.rebalance_timeout_ms = kRebalanceMs;
  request.member_id = self.id;
  request.group_instance_id = self.instance();
  request.protocol_type = "consumer";
  request.protocols.push_back({kProtocol, subscription(self.plan.topics)});
  drop_all(self);
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer) co_return false;
  if (answer->error_code == ErrorCode::member_id_required) self.id = answer->member_id;
  if (answer->error_code != ErrorCode::none) {
    leave_generation(self, answer->error_code);
    co_return false;
  }
  self.id = answer->member_id;
  self.generation = answer->generation_id;
  if (co_await sync(self, *std::move(answer))) co_return true;
  self.generation = -1;
  co_return false;
}

/// Where the group stands in this partition; false if that is not known.
task::Task<bool> fetch_position(Member& self, Reader& reader) {
  wire::OffsetFetchRequest::GroupTopic topic{.name = reader.partition.topic, .topic_id = {}, .partition_indexes = {}};
  topic.partition_indexes.push_back(PartitionIndex(reader.partition.index));
  wire::OffsetFetchRequest::Group group{.group_id = self.plan.group, .member_id = std::nullopt, .topics = {}};
  group.topics.emplace().push_back(std::move(topic));
  wire::OffsetFetchRequest request;
  request.groups.push_back(std::move(group));
  auto answer = co_await self.session.call(std::move(request), 30s, 8);
  if (!answer || answer->groups.empty() || answer->groups[0].error_code != ErrorCode::none) co_return false;
  if (answer->groups[0].topics.empty() || answer->groups[0].topics[0].partitions.empty()) co_return false;
  const auto& place = answer->groups[0].topics[0].partitions[0];
  if (place.error_code != ErrorCode::none) co_return false;
  const std::int64_t committed = place.committed_offset.value();
  self.kit.history.see_committed(self.plan.group, reader.partition, committed);
  if (committed >= 0) self.kit.history.reached("resumed at a committed offset");
  reader.position = std::max<std::int64_t>(committed, 0);
  co_return true;
}

task::Task<void> commit(Member& self, Reader& reader) {
  wire::OffsetCommitRequest request;
  request.group_id = self.plan.group;
  request.generation_id_or_member_epoch = self.generation;
  request.member_id = self.id;
  request.group_instance_id = self.instance();
  const std::int64_t position = reader.position;
  const PartitionName partition = reader.partition;
  wire::OffsetCommitRequest::Topic topic{.name = reader.partition.topic, .topic_id = {}, .partitions = {}};
  topic.partitions.push_back({PartitionIndex(reader.partition.index), Offset(position), LeaderEpoch(-1), "sim"});
  request.topics.push_back(std::move(topic));
  auto answer = co_await self.session.call(std::move(request), 30s, 8);
  const bool answered = answer && !answer->topics.empty() && !answer->topics[0].partitions.empty();
  const ErrorCode error = answered ? answer->topics[0].partitions[0].error_code : ErrorCode::request_timed_out;
  const bool open = error == ErrorCode::request_timed_out;
  if (open || error == ErrorCode::none) self.kit.history.committed(self.plan.group, partition, position, !open);
  if (open || error == ErrorCode::none) co_return;
  if (error == ErrorCode::unknown_member_id || error == ErrorCode::illegal_generation ||
      error == ErrorCode::fenced_instance_id || error == ErrorCode::rebalance_in_progress) {
    leave_generation(self, error);
  }
}

task::Task<void> beat(Member& self) {
  wire::HeartbeatRequest request;
  request.group_id = self.plan.group;
  request.generation_id = self.generation;
  request.member_id = self.id;
  request.group_instance_id = self.instance();
  const Instant sent = self.kit.context.now();
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer) co_return;
  if (answer->error_code != ErrorCode::none) co_return leave_generation(self, answer->error_code);
  self.kit.history.holdings.extend(self.plan.group, self.owner(), sent + kHold);
}

task::Task<void> leave(Member& self) {
  wire::LeaveGroupRequest request;
  request.group_id = self.plan.group;
  request.members.push_back({self.id, self.instance(), "enough"});
  drop_all(self);
  (void)co_await self.session.call(std::move(request), 30s, 5);
  self.kit.history.reached("left the group");
  self.id.clear();
  self.generation = -1;
}

/// Reads a little of everything it owns, commits sometimes.
task::Task<void> work(Member& self) {
  for (std::size_t i = 0; i < self.readers.size(); ++i) {
    Reader& reader = *self.readers[i];
    if (reader.position < 0 && !co_await fetch_position(self, reader)) co_return;
    (void)co_await poll(reader);
    if (!self.kit.prng.chance(1, 3)) continue;
    co_await commit(self, reader);
    if (self.generation < 0) co_return;
  }
}

}  // namespace

task::Task<void> consume_in_group(ClientKit kit, MemberPlan plan) {
  Member self(std::move(kit), std::move(plan));
  while (!self.kit.ending) {
    const bool lost = self.generation < 0 && !self.session.connected();
    if ((lost && !co_await find_coordinator(self)) || (self.generation < 0 && !co_await join(self))) {
      co_await pause(self.kit, 20ms, 500ms);
      continue;
    }
    co_await work(self);
    if (self.generation >= 0) co_await beat(self);
    if (self.generation >= 0 && self.kit.prng.chance(1, 80)) {
      co_await leave(self);
      co_await pause(self.kit, 100ms, 3s);
    }
    co_await pause(self.kit, 20ms, 200ms);
  }
}

}  // namespace chronik::sim
