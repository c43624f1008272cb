// For tests: one shard of the simulated world with its log, four partitions of __consumer_offsets and a coordinator.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coord/coord.h"
#include "coord/routing.h"
#include "log/recovery.h"
#include "log/shard_log.h"
#include "shard/shard.h"
#include "sim/sim_env.h"
#include "task/io.h"

namespace chronik::coord {

inline TopicId topic_id(std::uint8_t n) {
  TopicId id;
  id.bytes[15] = n;
  return id;
}

class FakeTopics final : public Topics {
 public:
  std::optional<TopicInfo> find(std::string_view name) const override {
    const auto at = topics.find(name);
    return at == topics.end() ? std::nullopt : std::optional(at->second);
  }
  std::optional<TopicInfo> find(TopicId id) const override {
    for (const auto& [name, topic] : topics) {
      if (topic.id == id) return topic;
    }
    return std::nullopt;
  }
  std::vector<std::string> names(std::string_view after, std::size_t limit) const override {
    std::vector<std::string> found;
    for (auto at = topics.upper_bound(after); at != topics.end() && found.size() < limit; ++at)
      found.push_back(at->first);
    return found;
  }
  std::int64_t version() const override { return changes; }
  task::Task<Status> create_offsets_topic(std::int32_t partitions, Deadline) override {
    ++creations;
    if (refuse_creation) co_return fail(Errc::storage_failed, "metadata offline");
    add("__consumer_offsets", 1, partitions);
    co_return Status{};
  }
  void add(const std::string& name, std::uint8_t id, std::int32_t partitions) {
    topics[name] = {name, topic_id(id), partitions};
    ++changes;
  }

  void remove(const std::string& name) {
    topics.erase(name);
    ++changes;
  }

  std::map<std::string, TopicInfo, std::less<>> topics;
  std::int64_t changes = 0;
  int creations = 0;
  bool refuse_creation = false;
};

struct Commit {
  std::string topic = "t";
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string metadata = {};
  std::int32_t leader_epoch = -1;
};

class CoordRig {
 public:
  static constexpr std::int32_t kPartitions = 4;

  explicit CoordRig(std::uint64_t seed = 1, GroupConfig settings = {})
      : config(settings), world(sim::World::create(seed)), machine(world->machine("m")) {
    topics.add("__consumer_offsets", 1, kPartitions);
    topics.add("t", 2, 64);
    topics.add("u", 3, 64);
    renew();
    EXPECT_TRUE(open());
  }
  ~CoordRig() { drop(); }
  CoordRig(const CoordRig&) = delete;
  CoordRig& operator=(const CoordRig&) = delete;

  task::Context& context() { return shards->at(std::size_t{0}).context(); }
  Deadline in(Duration span) { return context().after(span); }

  template <class T>
  std::shared_ptr<std::optional<T>> start(task::Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    context().spawn("test", keep(std::move(task), result));
    return result;
  }
  template <class T>
  T wait(const std::shared_ptr<std::optional<T>>& result, Duration limit = 120s) {
    EXPECT_TRUE(world->run_until([&] { return result->has_value(); }, limit)) << "did not end in time";
    return std::move(**result);
  }
  template <class T>
  T run(task::Task<T> task, Duration limit = 120s) {
    return wait(start(std::move(task)), limit);
  }
  void pass(Duration span) { world->run_for(span); }

  /// A process on what the disk holds; `wait_loaded`: until every partition is served.
  Status open(bool wait_loaded = true) {
    TRY_STATUS(run(open_directory(++generation_)));
    coordinator = std::make_unique<GroupCoordinator>(shards->at(std::size_t{0}), topics, config);
    for (std::int32_t i = 0; i < kPartitions; ++i) coordinator->own(PartitionIndex(i), log->find(id_of(i)));
    if (wait_loaded) EXPECT_TRUE(world->run_until([&] { return loaded(); }, 60s));
    return {};
  }
  bool loaded() { return coordinator->list_groups({}, context_of(5)).error_code == wire::ErrorCode::none; }
  /// Power cut and a fresh process.
  void crash() {
    drop();
    machine.crash();
    renew();
  }
  void restart() {
    crash();
    const Status opened = open();
    EXPECT_TRUE(opened) << opened.error().message();
  }

  RequestContext context_of(std::int16_t version, Duration deadline = 30s) {
    return {"client", "/10.0.0.1", version, in(deadline)};
  }
  static wire::OffsetCommitRequest commit_request(const std::string& group, const std::vector<Commit>& commits,
                                                  std::int32_t generation = -1, const std::string& member = {}) {
    wire::OffsetCommitRequest request;
    request.group_id = group;
    request.generation_id_or_member_epoch = generation;
    request.member_id = member;
    for (const Commit& commit : commits) {
      if (request.topics.empty() || request.topics.back().name != commit.topic) {
        request.topics.emplace_back().name = commit.topic;
      }
      request.topics.back().partitions.push_back(
          {PartitionIndex(commit.partition), Offset(commit.offset), LeaderEpoch(commit.leader_epoch), commit.metadata});
    }
    return request;
  }
  task::Task<wire::OffsetCommitResponse> committing(const std::string& group, const std::vector<Commit>& commits,
                                                    Duration deadline = 30s) {
    return coordinator->offset_commit(commit_request(group, commits), context_of(8, deadline));
  }
  /// The code of the first partition.
  wire::ErrorCode commit(const std::string& group, const std::vector<Commit>& commits) {
    return run(committing(group, commits)).topics.at(0).partitions.at(0).error_code;
  }
  /// All that is committed, as "topic-partition" -> answer.
  std::map<std::string, wire::OffsetFetchResponse::Partition> fetch(const std::string& group) {
    wire::OffsetFetchRequest request;
    request.groups.emplace_back().group_id = group;
    auto response = coordinator->offset_fetch(request, context_of(9));
    EXPECT_EQ(response.groups.at(0).error_code, wire::ErrorCode::none);
    std::map<std::string, wire::OffsetFetchResponse::Partition> found;
    for (auto& topic : response.groups.at(0).topics) {
      for (auto& partition : topic.partitions) {
        found[topic.name + "-" + std::to_string(partition.partition_index.value())] = partition;
      }
    }
    return found;
  }
  std::string state_of(const std::string& group) {
    wire::DescribeGroupsRequest request;
    request.groups = {group};
    return coordinator->describe_groups(request, context_of(5)).groups.at(0).group_state;
  }

  wire::JoinGroupRequest join_request(const std::string& group, const std::string& member = {},
                                      std::optional<std::string> instance = std::nullopt) {
    wire::JoinGroupRequest request;
    request.group_id = group;
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 60'000;
    request.member_id = member;
    request.group_instance_id = std::move(instance);
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", Buffer::copy_of(as_bytes("metadata"))});
    return request;
  }
  static wire::SyncGroupRequest sync_request(const std::string& group, const wire::JoinGroupResponse& joined,
                                             std::optional<std::string> instance = std::nullopt) {
    wire::SyncGroupRequest request;
    request.group_id = group;
    request.generation_id = joined.generation_id;
    request.member_id = joined.member_id;
    request.group_instance_id = std::move(instance);
    request.protocol_type = joined.protocol_type;
    request.protocol_name = joined.protocol_name;
    for (const auto& member : joined.members) {
      request.assignments.push_back({member.member_id, Buffer::copy_of(as_bytes("to " + member.member_id))});
    }
    return request;
  }
  wire::ErrorCode heartbeat(const std::string& group, const std::string& member, std::int32_t generation,
                            std::optional<std::string> instance = std::nullopt) {
    wire::HeartbeatRequest request;
    request.group_id = group;
    request.generation_id = generation;
    request.member_id = member;
    request.group_instance_id = std::move(instance);
    return coordinator->heartbeat(request, context_of(4)).error_code;
  }

  GroupConfig config;
  std::unique_ptr<sim::World> world;
  sim::Machine& machine;
  std::unique_ptr<shard::ShardSet> shards;
  std::unique_ptr<log::ShardLog> log;
  FakeTopics topics;
  std::unique_ptr<GroupCoordinator> coordinator;

 private:
  template <class T>
  static task::Task<void> keep(task::Task<T> task, std::shared_ptr<std::optional<T>> into) {
    into->emplace(co_await std::move(task));
  }
  static TopicPartition id_of(std::int32_t index) { return {topic_id(1), PartitionIndex(index)}; }
  void renew() { shards = std::make_unique<shard::ShardSet>(std::vector<env::Env*>{&machine.env()}); }
  void drop() {
    if (coordinator) coordinator->check_invariants();
    shards->stop();
    coordinator.reset();
    log.reset();
  }
  task::Task<Status> open_directory(std::uint64_t number) {
    task::Context& c = context();
    CO_TRY_STATUS(co_await task::make_directory(c, "data", in(10s)));
    CO_TRY_STATUS(co_await task::make_directory(c, "data/wal", in(10s)));
    CO_TRY_STATUS(co_await task::sync_directory(c, "data", in(10s)));
    CO_TRY_STATUS(co_await task::sync_directory(c, ".", in(10s)));
    const wal::Generation generation(number);
    const wal::LogId log_id(7);
    CO_TRY(auto past, co_await log::recover_directory(c, "data", log_id, generation, number == 1, 10s));
    const auto known = [](const TopicPartition&) { return true; };
    CO_TRY_STATUS(co_await log::consolidate(c, "data", generation, past, known, 10s));
    log::ShardLogOptions options;
    options.directory = "data";
    options.wal.directory = "data/wal";
    options.wal.log_id = log_id;
    options.wal.generation = generation;
    options.wal.first_file_bytes = options.wal.file_bytes = 256U << 10;
    options.wal.bytes_max = 4U << 20;
    CO_TRY(log, co_await log::ShardLog::open(c, options));
    for (std::int32_t i = 0; i < kPartitions; ++i) {
      const log::PartitionSpec spec{"__consumer_offsets", id_of(i), LeaderEpoch(0), {}};
      const auto found = past.partitions.find(id_of(i));
      if (found == past.partitions.end()) {
        log->create(spec);
        continue;
      }
      auto made = co_await log->create_recovered(spec, std::move(found->second));
      if (!made) co_return std::unexpected(std::move(made).error());
    }
    co_return Status{};
  }

  std::uint64_t generation_ = 0;
};

}  // namespace chronik::coord
