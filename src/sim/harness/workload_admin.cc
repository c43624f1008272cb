// Administration and misbehaviour.
#include <fmt/format.h>

#include "sim/harness/topics.h"
#include "sim/harness/workloads.h"
#include "task/io.h"
#include "wire/messages/create_partitions.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_records.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/describe_log_dirs.h"
#include "wire/messages/incremental_alter_configs.h"
#include "wire/messages/metadata.h"

namespace chronik::sim {

namespace {

using wire::ErrorCode;

constexpr std::int32_t kTimeoutMs = 5000;

struct Admin {
  explicit Admin(ClientKit with) : kit(std::move(with)), session(kit) {}
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  ClientKit kit;
  Session session;
};

using Configs = std::vector<std::pair<std::string, std::string>>;

task::Task<bool> create(Admin& self, std::string name, std::int32_t partitions, Configs configs) {
  wire::CreateTopicsRequest request;
  request.timeout_ms = kTimeoutMs;
  wire::CreateTopicsRequest::Topic topic{
      .name = std::move(name), .num_partitions = partitions, .replication_factor = 1, .assignments = {}, .configs = {}};
  for (auto& [key, value] : configs) topic.configs.push_back({key, value});
  request.topics.push_back(std::move(topic));
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->topics.empty()) co_return false;
  const ErrorCode error = answer->topics[0].error_code;
  co_return error == ErrorCode::none || error == ErrorCode::topic_already_exists;
}

task::Task<void> add_partitions(Admin& self, std::string name, std::int32_t count) {
  wire::CreatePartitionsRequest request;
  request.timeout_ms = kTimeoutMs;
  request.topics.push_back({.name = std::move(name), .count = count, .assignments = std::nullopt});
  auto answer = co_await self.session.call(std::move(request), 30s);
  const bool done = answer && !answer->results.empty() && answer->results[0].error_code == ErrorCode::none;
  if (done) self.kit.history.reached("partitions were added");
}

/// As an administrator does whose offsets topic grows: small segments, so that compaction gets at them soon.
task::Task<void> configure(Admin& self) {
  wire::IncrementalAlterConfigsRequest request;
  const bool offsets = self.kit.prng.chance(2, 3);
  auto& resource = request.resources.emplace_back();
  resource.resource_type = wire::ConfigResourceType::topic;
  resource.resource_name = offsets ? "__consumer_offsets" : "topic-0";
  const auto set = [&](std::string key, std::string value) {
    resource.configs.push_back({std::move(key), wire::ConfigOperation::set, std::move(value)});
  };
  set("segment.ms", self.kit.prng.chance(1, 2) ? "2000" : "4000");
  if (offsets) {
    set("segment.bytes", "1048576");
    set("delete.retention.ms", "1000");
  }
  auto answer = co_await self.session.call(std::move(request), 30s);
  const bool done = answer && !answer->responses.empty() && answer->responses[0].error_code == ErrorCode::none;
  if (done && offsets) self.kit.history.reached("the offsets topic was configured");
}

/// What consoles show all the time.
task::Task<void> describe(Admin& self, PartitionName partition) {
  wire::DescribeConfigsRequest configs;
  configs.resources.push_back({wire::ConfigResourceType::topic, partition.topic, std::nullopt});
  (void)co_await self.session.call(std::move(configs), 30s);
  (void)co_await self.session.call(wire::DescribeLogDirsRequest{}, 30s);
}

task::Task<void> create_and_delete(Admin& self) {
  const std::string name = fmt::format("temporary-{}-{}", self.kit.name, self.kit.prng.below(3));
  const auto partitions = static_cast<std::int32_t>(1 + self.kit.prng.below(20));
  if (!co_await create(self, name, partitions, {})) co_return;
  co_await pause(self.kit, 10ms, 1s);
  if (self.kit.prng.chance(1, 3)) co_await add_partitions(self, name, partitions + 3);
  wire::DeleteTopicsRequest request;
  request.timeout_ms = kTimeoutMs;
  request.topic_names.push_back(name);
  auto answer = co_await self.session.call(std::move(request), 30s, 5);
  const bool gone = answer && !answer->responses.empty() && answer->responses[0].error_code == ErrorCode::none;
  if (gone) self.kit.history.reached("topic deleted");
}

task::Task<void> delete_records(Admin& self, PartitionName partition) {
  SeenPartition& seen = self.kit.history.seen(partition);
  // Where size decides, what remains is counted at the end: nothing else may take any of it.
  if (seen.high_watermark == 0 || self.kit.history.retention(partition.topic).bytes >= 0) co_return;
  const auto to = static_cast<std::int64_t>(self.kit.prng.below(static_cast<std::uint64_t>(seen.high_watermark)));
  seen.delete_before = std::max(seen.delete_before, to);
  wire::DeleteRecordsRequest request;
  request.timeout_ms = kTimeoutMs;
  request.topics.push_back({partition.topic, {{PartitionIndex(partition.index), Offset(to)}}});
  auto answer = co_await self.session.call(std::move(request), 30s);
  const bool done = answer && !answer->topics.empty() && !answer->topics[0].partitions.empty() &&
                    answer->topics[0].partitions[0].error_code == ErrorCode::none;
  if (done) self.kit.history.reached("records deleted");
}

/// A topic that was created is there: metadata survives what it must.
task::Task<void> look(Admin& self, PartitionName partition) {
  wire::MetadataRequest request;
  request.topics.emplace().push_back({{}, partition.topic});
  request.allow_auto_topic_creation = false;
  auto answer = co_await self.session.call(std::move(request), 30s);
  if (!answer || answer->topics.empty()) co_return;
  if (answer->topics[0].error_code == ErrorCode::unknown_topic_or_partition) {
    self.kit.history.violate("acknowledged", fmt::format("topic {} was created and is unknown now", partition.topic));
  }
}

}  // namespace

task::Task<void> create_topics(ClientKit kit, std::shared_ptr<bool> done) {
  Admin self(std::move(kit));
  for (const TopicPlan& topic : world_topics()) {
    self.kit.history.set_retention(topic.name, topic.retention);
    while (!co_await create(self, topic.name, topic.partitions, topic.configs)) {
      co_await pause(self.kit, 50ms, 200ms);
    }
  }
  *done = true;
}

task::Task<void> administer(ClientKit kit, std::vector<PartitionName> partitions) {
  Admin self(std::move(kit));
  while (!self.kit.ending) {
    co_await pause(self.kit, 20ms, 800ms);
    const PartitionName& partition = partitions[self.kit.prng.below(partitions.size())];
    const auto what = self.kit.prng.below(12);
    if (what < 3) {
      co_await create_and_delete(self);
    } else if (what < 4) {
      co_await delete_records(self, partition);
    } else if (what < 6) {
      co_await configure(self);
    } else if (what < 7) {
      co_await describe(self, partition);
    } else {
      co_await look(self, partition);
    }
  }
}

task::Task<void> misbehave(ClientKit kit, std::string name) {
  while (!kit.ending) {
    co_await pause(kit, 100ms, 4s);
    auto stream = co_await task::connect(kit.context, kit.broker, kit.context.after(20s));
    if (!stream) continue;
    // A length that promises more than comes, or nonsense.
    std::string bytes(1 + kit.prng.below(200), '\0');
    for (char& byte : bytes) byte = static_cast<char>(kit.prng.next());
    if (kit.prng.chance(2, 3)) bytes = std::string(2, '\0') + bytes + name;
    std::vector<Buffer> pieces;
    pieces.push_back(Buffer::copy_of(as_bytes(bytes)));
    (void)co_await task::write(kit.context, *stream, std::move(pieces), kit.context.after(20s));
    co_await pause(kit, 10ms, 2s);
    (*stream)->close();
    kit.history.reached("a client sent nonsense");
  }
}

}  // namespace chronik::sim
