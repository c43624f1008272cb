// A client that keeps its positions in a group without members, and administers groups: commits, with and without an
// expiry, fetches, deletes. It is the only one who writes its group, so it knows what every answer may be.
#include <fmt/format.h>

#include <map>
#include <set>

#include "sim/harness/session.h"
#include "sim/harness/topics.h"
#include "sim/harness/workloads.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_delete.h"
#include "wire/messages/offset_fetch.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

constexpr std::int64_t kNone = -1;

struct Keeper {
  explicit Keeper(ClientKit with) : kit(std::move(with)), session(kit) {}
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  ClientKit kit;
  Session session;
  int number = 0;
  std::string group;
  std::map<PartitionName, std::set<std::int64_t>> may_be;  // what is committed: one of these; absent: nothing
  std::int64_t next = 0;
};

/// After an answer that leaves something open nothing can be said of the group any more: on to another one.
void move_on(Keeper& self) {
  self.group = fmt::format("store-{}-{}-{}", self.kit.name, self.kit.prng.next() % 100'000, ++self.number);
  self.may_be.clear();
}

/// False if the answer leaves open what happened.
bool settled(Keeper& self, ErrorCode error) {
  if (error != ErrorCode::none)
    self.kit.history.reached(fmt::format("offset store answered {}", wire::to_string(error)));
  return error == ErrorCode::none || error == ErrorCode::coordinator_load_in_progress ||
         error == ErrorCode::group_id_not_found;
}

task::Task<void> commit(Keeper& self, PartitionName partition, bool expiring) {
  wire::OffsetCommitRequest request;
  request.group_id = self.group;
  const std::int64_t offset = ++self.next;
  if (expiring) request.retention_time_ms = 2000;
  wire::OffsetCommitRequest::Topic topic{.name = partition.topic, .topic_id = {}, .partitions = {}};
  topic.partitions.push_back(
      {PartitionIndex(partition.index), Offset(offset), LeaderEpoch(-1), std::string(self.kit.prng.below(400), 'm')});
  request.topics.push_back(std::move(topic));
  // The last version that carries an expiry of its own.
  auto answer = co_await self.session.call(std::move(request), 30s, static_cast<std::int16_t>(expiring ? 4 : 8));
  if (!answer || answer->topics.empty() || answer->topics[0].partitions.empty()) co_return move_on(self);
  const ErrorCode error = answer->topics[0].partitions[0].error_code;
  if (!settled(self, error)) co_return move_on(self);
  if (error != ErrorCode::none) co_return;
  self.may_be[partition] = {offset};
  if (expiring) self.may_be[partition].insert(kNone);
}

void check(Keeper& self, const PartitionName& partition, std::int64_t told) {
  const auto found = self.may_be.find(partition);
  const bool right = found == self.may_be.end() ? told == kNone : found->second.contains(told);
  if (told == kNone && found != self.may_be.end() && right) self.kit.history.reached("a committed offset expired");
  if (right) return;
  self.kit.history.violate("offsets", fmt::format("group {} alone knows {}: it committed {} and was told {}",
                                                  self.group, partition.to_string(),
                                                  found == self.may_be.end() ? kNone : *found->second.rbegin(), told));
}

task::Task<void> fetch_one(Keeper& self, PartitionName partition) {
  wire::OffsetFetchRequest request;
  request.group_id = self.group;
  request.topics.emplace().push_back({partition.topic, {PartitionIndex(partition.index)}});
  auto answer = co_await self.session.call(std::move(request), 30s, 5);
  if (!answer || answer->error_code != ErrorCode::none) co_return;
  if (answer->topics.empty() || answer->topics[0].partitions.empty()) co_return;
  const auto& place = answer->topics[0].partitions[0];
  if (place.error_code == ErrorCode::none) check(self, partition, place.committed_offset.value());
}

/// Everything that the group has committed.
task::Task<void> fetch_all(Keeper& self) {
  wire::OffsetFetchRequest request;
  request.groups.push_back({.group_id = self.group, .member_id = std::nullopt, .topics = std::nullopt});
  auto answer = co_await self.session.call(std::move(request), 30s, 8);
  if (!answer || answer->groups.empty() || answer->groups[0].error_code != ErrorCode::none) co_return;
  std::map<PartitionName, std::int64_t> told;
  for (const auto& topic : answer->groups[0].topics) {
    for (const auto& place : topic.partitions) {
      told[{topic.name, place.partition_index.value()}] = place.committed_offset.value();
    }
  }
  for (const auto& [partition, offset] : told) check(self, partition, offset);
  for (const auto& [partition, offsets] : self.may_be) {
    if (!told.contains(partition)) check(self, partition, kNone);
  }
  if (!told.empty()) self.kit.history.reached("a group told all its offsets");
}

task::Task<void> delete_one(Keeper& self, PartitionName partition) {
  wire::OffsetDeleteRequest request;
  request.group_id = self.group;
  request.topics.push_back({partition.topic, {{PartitionIndex(partition.index)}}});
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || !settled(self, answer->error_code)) co_return move_on(self);
  if (answer->error_code != ErrorCode::none) co_return;
  self.may_be.erase(partition);
  self.kit.history.reached("an offset was deleted");
}

task::Task<void> delete_group(Keeper& self) {
  wire::DeleteGroupsRequest request;
  request.groups_names.push_back(self.group);
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->results.empty()) co_return move_on(self);
  const ErrorCode error = answer->results[0].error_code;
  if (!settled(self, error)) co_return move_on(self);
  if (error == ErrorCode::none) {
    self.may_be.clear();
    self.kit.history.reached("a group was deleted");
  }
}

/// What an administrator looks at. A group with members must not be deleted.
task::Task<void> look_at_groups(Keeper& self, std::string members) {
  wire::ListGroupsRequest list;
  if (self.kit.prng.chance(1, 2)) list.states_filter.emplace_back("Stable");
  (void)co_await self.session.call(std::move(list), 30s);
  wire::DescribeGroupsRequest describe;
  describe.groups = {members, self.group, "nobody"};
  auto answer = co_await self.session.call(std::move(describe), 30s);
  if (!answer) co_return;
  for (const auto& group : answer->groups) {
    if (group.group_state != "Stable" || group.members.empty()) continue;
    self.kit.history.reached("a stable group was described");
  }
}

/// Whatever the members know: what the broker says of them now, no two of them have.
task::Task<void> look_at_assignments(Keeper& self) {
  wire::ConsumerGroupDescribeRequest describe;
  describe.group_ids = {"new-group"};
  auto answer = co_await self.session.call(std::move(describe), 30s);
  if (!answer || answer->groups.empty() || answer->groups[0].error_code != ErrorCode::none) co_return;
  std::map<PartitionName, std::string> holders;
  for (const auto& member : answer->groups[0].members) {
    for (const auto& topic : member.assignment.topic_partitions) {
      for (const PartitionIndex index : topic.partitions) {
        const PartitionName partition{topic.topic_name, index.value()};
        const auto [at, fresh] = holders.emplace(partition, member.member_id);
        if (!fresh) {
          self.kit.history.violate("exclusive", fmt::format("the broker says that {} is with {} and with {}",
                                                            partition.to_string(), at->second, member.member_id));
        }
      }
    }
  }
  if (!holders.empty()) self.kit.history.reached("a group of the new protocol was described");
}

}  // namespace

task::Task<void> keep_offsets(ClientKit kit, std::string members) {
  Keeper self(std::move(kit));
  move_on(self);
  const auto all = world_partitions();
  while (!self.kit.ending) {
    co_await pause(self.kit, 10ms, 250ms);
    const PartitionName& partition = all[self.kit.prng.below(all.size())];
    const auto what = self.kit.prng.below(40);
    if (what < 18) {
      co_await commit(self, partition, what < 4);
    } else if (what < 26) {
      co_await fetch_one(self, partition);
    } else if (what < 31) {
      co_await fetch_all(self);
    } else if (what < 35) {
      co_await delete_one(self, partition);
    } else if (what < 36) {
      co_await delete_group(self);
    } else if (what < 38) {
      co_await look_at_groups(self, members);
    } else {
      co_await look_at_assignments(self);
    }
  }
}

}  // namespace chronik::sim
