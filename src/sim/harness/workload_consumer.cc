// A consumer of a group, as the new protocol has it (KIP-848): heartbeats carry everything. It gives up what it is no
// longer assigned, says so with the next heartbeat, and may then count on being the only one with what it holds.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "sim/harness/reader.h"
#include "sim/harness/topics.h"
#include "sim/harness/workloads.h"
#include "wire/messages/consumer_group_heartbeat.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/metadata.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_fetch.h"

namespace chronik::sim {

namespace {

using wire::ConsumerGroupHeartbeatRequest;
using wire::ErrorCode;

constexpr std::int32_t kLeave = -1;
constexpr std::int32_t kLeaveForAWhile = -2;  // a static member
constexpr std::int32_t kRebalanceMs = 60'000;
constexpr std::int16_t kWithMemberEpochs = 9;  // OffsetCommit and OffsetFetch

struct Consumer {
  Consumer(ClientKit with, MemberPlan what)
      : kit(std::move(with)), plan(std::move(what)), session(kit), id(fmt::format("member-{:016x}", kit.prng.next())) {}
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  ClientKit kit;
  MemberPlan plan;
  Session session;
  std::string id;
  std::int32_t epoch = 0;  // 0: not a member
  bool tell_all = true;    // the broker may not know what we told it last
  bool tell_owned = false;
  std::map<TopicId, std::string> names;
  std::map<PartitionName, std::unique_ptr<Reader>> readers;  // of the partitions that are its own

  Holdings& holdings() { return kit.history.holdings; }
  /// Where one of two is of the classic protocol, a member that comes with the same instance takes the place at once.
  const std::string& holder() const { return plan.mixed && !plan.instance.empty() ? plan.instance : id; }
};

void drop_all(Consumer& self) {
  self.holdings().release_all(self.plan.group, self.holder());
  self.readers.clear();
}

/// Not a member any more: joins anew.
void fall_out(Consumer& self, ErrorCode error) {
  self.kit.history.reached(fmt::format("new protocol answered {}", wire::to_string(error)));
  drop_all(self);
  self.epoch = 0;
  self.tell_all = true;
}

/// As clients do first; it makes the topic in which groups are kept.
task::Task<bool> find_coordinator(Consumer& self) {
  wire::FindCoordinatorRequest request;
  request.key_type = wire::CoordinatorType::group;
  request.coordinator_keys.push_back(self.plan.group);
  auto answer = co_await self.session.call(std::move(request), 30s, 4);
  co_return answer && !answer->coordinators.empty() && answer->coordinators[0].error_code == ErrorCode::none;
}

/// Assignments name topics by id.
task::Task<bool> learn_names(Consumer& self) {
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  auto answer = co_await self.session.call(std::move(request), 30s, 12);
  if (!answer) co_return false;
  for (const auto& topic : answer->topics) {
    if (topic.name && find_topic(*topic.name) != nullptr) self.names[topic.topic_id] = *topic.name;
  }
  co_return std::ranges::all_of(self.plan.topics, [&](const std::string& name) {
    return std::ranges::any_of(self.names, [&](const auto& known) { return known.second == name; });
  });
}

std::vector<ConsumerGroupHeartbeatRequest::TopicPartitions> owned(const Consumer& self) {
  std::map<std::string, std::vector<PartitionIndex>> by_topic;
  for (const auto& [partition, reader] : self.readers) by_topic[partition.topic].emplace_back(partition.index);
  std::vector<ConsumerGroupHeartbeatRequest::TopicPartitions> list;
  for (const auto& [id, name] : self.names) {
    if (by_topic.contains(name)) list.push_back({id, by_topic[name]});
  }
  return list;
}

void take_assignment(Consumer& self, const wire::ConsumerGroupHeartbeatResponse::Assignment& assignment,
                     Instant until) {
  std::set<PartitionName> assigned;
  for (const auto& topic : assignment.topic_partitions) {
    const auto name = self.names.find(topic.topic_id);
    if (name == self.names.end()) {
      self.kit.history.violate("exclusive", "a member was assigned a topic that it did not ask for");
      continue;
    }
    for (const PartitionIndex index : topic.partitions) assigned.insert({name->second, index.value()});
  }
  std::erase_if(self.readers, [&](const auto& item) { return !assigned.contains(item.first); });
  for (const PartitionName& partition : assigned) {
    // Nobody else has it before it is given up, and that is told with the next heartbeat; ours is ours from now on.
    const auto before = self.holdings().give(self.plan.group, partition, self.holder(), self.kit.context.now(), until);
    if (before) self.kit.history.reached("a partition went from member to member");
    if (before && before->held) {
      self.kit.history.violate(
          "exclusive", fmt::format("{} of {} was given to {} while {} held it", partition.to_string(), self.plan.group,
                                   self.id, before->member));
    }
    auto& reader = self.readers[partition];
    if (reader) continue;
    reader = std::make_unique<Reader>(self.kit, partition);
    reader->poll_max = 100ms;
    reader->position = -1;
  }
  self.tell_owned = true;
  if (!assigned.empty()) self.kit.history.reached("a member of the new protocol got partitions");
}

ConsumerGroupHeartbeatRequest heartbeat(const Consumer& self) {
  ConsumerGroupHeartbeatRequest request;
  request.group_id = self.plan.group;
  request.member_id = self.id;
  request.member_epoch = self.epoch;
  if (!self.plan.instance.empty()) request.instance_id = self.plan.instance;
  if (self.tell_all || self.epoch == 0) {
    request.rebalance_timeout_ms = kRebalanceMs;
    if (self.plan.regex.empty()) {
      request.subscribed_topic_names = self.plan.topics;
    } else {
      request.subscribed_topic_names.emplace();
      request.subscribed_topic_regex = self.plan.regex;
    }
    request.server_assignor = self.plan.assignor;
  }
  if (self.tell_all || self.tell_owned || self.epoch == 0) request.topic_partitions = owned(self);
  return request;
}

/// False if a pause is due.
task::Task<bool> beat(Consumer& self) {
  auto request = heartbeat(self);
  if (request.topic_partitions) {
    // From here on others may have what is not named.
    for (const PartitionName& partition : world_partitions()) {
      if (!self.readers.contains(partition)) self.holdings().release(self.plan.group, partition, self.holder());
    }
  }
  self.tell_owned = false;
  const Instant sent = self.kit.context.now();
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer) {
    self.tell_all = true;
    co_return false;
  }
  switch (answer->error_code) {
    case ErrorCode::none:
      break;
    case ErrorCode::fenced_member_epoch:
    case ErrorCode::unknown_member_id:
      fall_out(self, answer->error_code);
      co_return false;
    default:
      self.kit.history.reached(fmt::format("new protocol answered {}", wire::to_string(answer->error_code)));
      self.tell_all = true;
      co_return false;
  }
  self.tell_all = false;
  self.epoch = answer->member_epoch;
  const Instant until = sent + kConsumerSession;
  self.holdings().extend(self.plan.group, self.holder(), until);
  if (answer->assignment) take_assignment(self, *answer->assignment, until);
  co_return true;
}

/// False once the member is none any more.
bool stays(Consumer& self, ErrorCode error) {
  if (error == ErrorCode::stale_member_epoch) self.tell_all = true;
  if (error == ErrorCode::unknown_member_id || error == ErrorCode::fenced_member_epoch) fall_out(self, error);
  return self.epoch > 0;
}

/// Where the group stands in this partition; false if that is not known.
task::Task<bool> fetch_position(Consumer& self, Reader& reader) {
  wire::OffsetFetchRequest::GroupTopic topic{.name = reader.partition.topic, .topic_id = {}, .partition_indexes = {}};
  topic.partition_indexes.push_back(PartitionIndex(reader.partition.index));
  wire::OffsetFetchRequest::Group group{
      .group_id = self.plan.group, .member_id = self.id, .member_epoch = self.epoch, .topics = {}};
  group.topics.emplace().push_back(std::move(topic));
  wire::OffsetFetchRequest request;
  request.groups.push_back(std::move(group));
  auto answer = co_await self.session.call(std::move(request), 30s, kWithMemberEpochs);
  if (!answer || answer->groups.empty()) co_return false;
  if (answer->groups[0].error_code != ErrorCode::none) {
    (void)stays(self, answer->groups[0].error_code);
    co_return false;
  }
  if (answer->groups[0].topics.empty() || answer->groups[0].topics[0].partitions.empty()) co_return false;
  const auto& place = answer->groups[0].topics[0].partitions[0];
  if (place.error_code != ErrorCode::none) co_return false;
  const std::int64_t committed = place.committed_offset.value();
  self.kit.history.see_committed(self.plan.group, reader.partition, committed);
  if (committed >= 0) self.kit.history.reached("a member of the new protocol resumed");
  reader.position = std::max<std::int64_t>(committed, 0);
  co_return true;
}

task::Task<void> commit(Consumer& self, const Reader& reader) {
  wire::OffsetCommitRequest request;
  request.group_id = self.plan.group;
  request.generation_id_or_member_epoch = self.epoch;
  request.member_id = self.id;
  if (!self.plan.instance.empty()) request.group_instance_id = self.plan.instance;
  const std::int64_t position = reader.position;
  const PartitionName partition = reader.partition;
  wire::OffsetCommitRequest::Topic topic{.name = partition.topic, .topic_id = {}, .partitions = {}};
  topic.partitions.push_back({PartitionIndex(partition.index), Offset(position), LeaderEpoch(-1), "sim"});
  request.topics.push_back(std::move(topic));
  auto answer = co_await self.session.call(std::move(request), 30s, kWithMemberEpochs);
  const bool answered = answer && !answer->topics.empty() && !answer->topics[0].partitions.empty();
  const ErrorCode error = answered ? answer->topics[0].partitions[0].error_code : ErrorCode::request_timed_out;
  const bool open = error == ErrorCode::request_timed_out;
  if (open || error == ErrorCode::none) self.kit.history.committed(self.plan.group, partition, position, !open);
  if (answered) (void)stays(self, error);
}

/// For good, or for a while: then whoever comes with the same instance gets what it had.
task::Task<void> leave(Consumer& self) {
  const bool back_soon = !self.plan.instance.empty() && self.kit.prng.chance(1, 2);
  drop_all(self);
  ConsumerGroupHeartbeatRequest request;
  request.group_id = self.plan.group;
  request.member_id = self.id;
  request.member_epoch = back_soon ? kLeaveForAWhile : kLeave;
  if (!self.plan.instance.empty()) request.instance_id = self.plan.instance;
  (void)co_await self.session.call(std::move(request), 30s);
  self.kit.history.reached("left a group of the new protocol");
  self.epoch = 0;
  self.tell_all = true;
  if (back_soon) self.id = fmt::format("member-{:016x}", self.kit.prng.next());
}

/// Reads a little of everything it owns, commits sometimes.
task::Task<void> work(Consumer& self) {
  std::vector<PartitionName> mine;
  for (const auto& [partition, reader] : self.readers) mine.push_back(partition);
  for (const PartitionName& partition : mine) {
    const auto at = self.readers.find(partition);
    if (at == self.readers.end()) co_return;
    Reader& reader = *at->second;
    if (reader.position < 0 && !co_await fetch_position(self, reader)) co_return;
    (void)co_await poll(reader);
    if (!self.kit.prng.chance(1, 3)) continue;
    co_await commit(self, reader);
    if (self.epoch <= 0) co_return;
  }
}

}  // namespace

task::Task<void> consume_by_heartbeat(ClientKit kit, MemberPlan plan) {
  Consumer self(std::move(kit), std::move(plan));
  while (!self.kit.ending) {
    const bool known = !self.names.empty() || (co_await find_coordinator(self) && co_await learn_names(self));
    if (!known) self.names.clear();
    if (!known || !co_await beat(self)) {
      co_await pause(self.kit, 20ms, 500ms);
      continue;
    }
    co_await work(self);
    if (self.epoch > 0 && self.kit.prng.chance(1, 60)) {
      co_await leave(self);
      co_await pause(self.kit, 100ms, 3s);
    }
    co_await pause(self.kit, 50ms, 800ms);
  }
}

}  // namespace chronik::sim
