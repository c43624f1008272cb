#include "server/node_transactions.h"

#include <algorithm>
#include <optional>

#include "base/canary.h"
#include "log/rejection.h"
#include "meta/topic_name.h"
#include "server/broker.h"
#include "server/handlers/gather.h"
#include "server/shard_server.h"

namespace chronik::server {

namespace {

using coord::Markers;
using wire::ErrorCode;

constexpr std::size_t kMarkerBytes = 256;  // of one marker in the write-ahead log, at most

struct MarkerTarget {
  coord::TransactionPartition partition;
  TopicPartition id;
};

/// One shard's part.
struct MarkerShare {
  Markers markers;  // without its partitions
  std::vector<MarkerTarget> targets;
};

/// A marker on its way, of an ordinary partition or of one that a group coordinator owns.
struct Pending {
  std::size_t target = 0;
  wal::CommitPtr commit;
  coord::Journal::WritePtr write;
};

/// nullopt: nothing to wait for, it is as it should be.
std::expected<std::optional<Pending>, ErrorCode> write_one(ShardServer& server, const MarkerShare& share,
                                                           std::size_t target) {
  const auto& [partition, id] = share.targets[target];
  const Markers& about = share.markers;
  if (partition.topic == meta::kOffsetsTopic) {
    auto written =
        server.coordinator().write_marker(partition.partition, about.producer, about.commits, about.coordinator_epoch);
    if (!written) return std::unexpected(written.error());
    return Pending{target, nullptr, *std::move(written)};
  }
  const log::PartitionPtr log = server.log().find(id);
  if (!log) return std::unexpected(ErrorCode::unknown_topic_or_partition);
  auto appended = log->append_marker(about.producer.id, about.producer.epoch, about.commits, about.coordinator_epoch);
  if (!appended) return std::unexpected(appended.error().code);
  if (!appended->commit) return std::nullopt;
  return Pending{target, std::move(appended->commit), nullptr};
}

/// Whether the marker is written for good, or is not needed any more: the partition is gone, or a newer epoch has ended
/// the transaction there.
bool settled(ErrorCode error) {
  return error == ErrorCode::none || error == ErrorCode::unknown_topic_or_partition ||
         error == ErrorCode::invalid_producer_epoch;
}

/// On the owning shard. For each target whether it is settled.
task::Task<Result<std::vector<bool>>> write_share(ShardServer& server, MarkerShare share, Deadline until) {
  std::vector<bool> done(share.targets.size(), false);
  if (!server.is_open()) co_return done;
  CO_TRY_STATUS(co_await server.log().wal().room(kMarkerBytes * share.targets.size(), until));
  std::vector<Pending> under_way;
  for (std::size_t i = 0; i < share.targets.size(); ++i) {
    auto written = write_one(server, share, i);
    if (!written) {
      done[i] = settled(written.error());
    } else if (*written) {
      under_way.push_back(**std::move(written));
    } else {
      done[i] = true;
    }
  }
  for (Pending& marker : under_way) {
    if (marker.write) {
      done[marker.target] = co_await coord::Journal::settled(marker.write, until) == ErrorCode::none;
    } else {
      done[marker.target] = (co_await server.log().wal().committed(marker.commit, until)).has_value();
    }
  }
  co_return done;
}

}  // namespace

task::Task<Status> NodeTransactions::create_transactions_topic(std::int32_t partitions, Deadline until) {
  const std::string name(meta::kTransactionTopic);
  if (server_.view().image()->find(name)) co_return Status{};
  std::vector<meta::TopicRequest> topics;
  topics.push_back(
      {.name = name,
       .partitions = partitions,
       .replication_factor = -1,
       .configs = {{"cleanup.policy", "compact"}, {"compression.type", "producer"}, {"segment.bytes", "104857600"}}});
  CO_TRY(const auto created,
         co_await meta::create_topics(server_.metadata(), server_.shard(), std::move(topics), false, until));
  const meta::ItemOutcome& outcome = created.front().outcome;
  // Another shard may have been first.
  if (outcome.ok() || outcome.error == ErrorCode::topic_already_exists) co_return Status{};
  co_return fail(Errc::invalid_argument, name + ": " + outcome.message);
}

task::Task<Result<ProducerId>> NodeTransactions::next_producer_id(Deadline until) {
  co_return co_await server_.metadata().next_producer_id(server_.shard(), until);
}

task::Task<coord::TransactionPartitions> NodeTransactions::write_markers(Markers markers, Deadline until) {
  Broker& broker = server_.broker();
  const meta::ImagePtr image = server_.view().image();
  if (canary(Canary::marker_forgotten) && markers.partitions.size() > 1) {
    markers.partitions.erase(std::prev(markers.partitions.end()));
  }
  std::map<std::size_t, MarkerShare> shares;
  for (const auto& partition : markers.partitions) {
    const meta::TopicPtr topic = image->find(partition.topic);
    if (!topic || !topic->has(partition.partition)) continue;
    const TopicPartition id{topic->id, partition.partition};
    MarkerShare& share = shares[broker.owner(id).value()];
    share.markers = {markers.producer, markers.commits, markers.coordinator_epoch, {}};
    share.targets.push_back({partition, id});
  }
  std::vector<task::Task<Result<std::vector<bool>>>> calls;
  for (const auto& [shard, share] : shares) {
    auto body = [&broker, mine = MarkerShare(share), until](shard::Shard& owner) mutable {
      return write_share(broker.at(owner.id()), std::move(mine), until);
    };
    calls.push_back(
        shard::call(server_.shard(), broker.shards().at(shard), "transaction.markers", until, std::move(body)));
  }
  coord::TransactionPartitions left;
  if (calls.empty()) co_return left;
  const auto results = co_await all(server_.context(), "transaction.markers", std::move(calls), until);
  std::size_t at = 0;
  for (const auto& [shard, share] : shares) {
    const auto& result = results[at++];
    for (std::size_t i = 0; i < share.targets.size(); ++i) {
      if (!result || !(*result)[i]) left.insert(share.targets[i].partition);
    }
  }
  co_return left;
}

}  // namespace chronik::server
