// DescribeLogDirs: the size of every partition, and the space of the log directory they share.
#include <map>
#include <set>

#include "server/handlers/common.h"
#include "server/handlers/gather.h"
#include "server/handlers/handle_topics.h"
#include "task/io.h"

namespace chronik::server {

namespace {

/// nullopt: all partitions.
using Wanted = std::optional<std::set<TopicPartition>>;

struct PartitionSize {
  std::string topic;
  PartitionIndex index;
  std::int64_t bytes = 0;
};
struct ShardSizes {
  bool offline = false;
  std::vector<PartitionSize> partitions;
};

task::Task<Result<ShardSizes>> measure(ShardServer& server, Wanted wanted) {
  ShardSizes sizes;
  sizes.offline = server.log().failure().has_value();
  for (const auto& [id, partition] : server.log().partitions()) {
    if (wanted && !wanted->contains(id)) continue;
    const std::uint64_t bytes = partition->bytes_on_disk() + partition->tail_bytes();
    sizes.partitions.push_back({partition->topic(), id.partition, static_cast<std::int64_t>(bytes)});
  }
  co_return sizes;
}

Wanted wanted_of(ShardServer& server, const wire::DescribeLogDirsRequest& request) {
  if (!request.topics) return std::nullopt;
  std::set<TopicPartition> ids;
  for (const auto& topic : *request.topics) {
    for (const PartitionIndex index : topic.partitions) {
      const Target target = locate(server, topic.topic, TopicId{}, index);
      if (target.error == wire::ErrorCode::none) ids.insert(target.id);  // unknown ones are left out, as in Kafka
    }
  }
  return ids;
}

}  // namespace

task::Task<wire::DescribeLogDirsResponse> handle_describe_log_dirs(RequestContext& context,
                                                                   wire::DescribeLogDirsRequest request) {
  ShardServer& server = context.server;
  Broker& broker = server.broker();
  const Deadline until = server.context().after(server.log().options().wal.stall_deadline);
  const Wanted wanted = wanted_of(server, request);
  std::vector<task::Task<Result<ShardSizes>>> calls;
  for (std::size_t i = 0; i < broker.shards().size(); ++i) {
    auto body = [&broker, wanted](shard::Shard& owner) { return measure(broker.at(owner.id()), wanted); };
    calls.push_back(shard::call(server.shard(), broker.shards().at(i), "describe_log_dirs", until, std::move(body)));
  }
  const auto results = co_await all(server.context(), "describe_log_dirs", std::move(calls), until);

  wire::DescribeLogDirsResponse response;
  auto& directory = response.results.emplace_back();
  directory.log_dir = server.log().directory();
  std::map<std::string, std::vector<wire::DescribeLogDirsResponse::Partition>> topics;
  for (const auto& result : results) {
    if (!result) {
      response.results.clear();
      response.error_code = log::to_kafka(result.error().code);
      co_return response;
    }
    if (result->offline) directory.error_code = wire::ErrorCode::kafka_storage_error;
    for (const PartitionSize& size : result->partitions) {
      auto& partition = topics[size.topic].emplace_back();
      partition.partition_index = size.index;
      partition.partition_size = size.bytes;
    }
  }
  if (directory.error_code != wire::ErrorCode::none) co_return response;  // an offline directory tells nothing
  for (auto& [name, partitions] : topics) directory.topics.push_back({name, std::move(partitions)});
  if (const auto space = co_await task::space(server.context(), directory.log_dir, until)) {
    directory.total_bytes = static_cast<std::int64_t>(space->total);
    directory.usable_bytes = static_cast<std::int64_t>(space->free);
  }
  co_return response;
}

}  // namespace chronik::server
