// Image: an immutable picture of the cluster's metadata after one command of the log. Built on shard 0, shared by every
// shard by pointer: reading it takes no lock and no remote call. An image never changes; a newer one replaces it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "wal/format.h"

namespace chronik::meta {

/// Position of a command in the metadata log; the first command has index 1, 0 is "before everything".
using Index = Strong<struct IndexTag, std::uint64_t>;
/// One run of the broker on its data directory; grows with every allocation, never used twice.
using Generation = wal::Generation;

/// Configuration overrides by Kafka's names, values as text.
using ConfigMap = std::map<std::string, std::string, std::less<>>;

struct Partition {
  LeaderEpoch leader_epoch;

  bool operator==(const Partition&) const = default;
};

struct Topic {
  std::string name;
  TopicId id;
  UnixMillis created_at;
  std::vector<Partition> partitions;  // by partition index
  ConfigMap configs;                  // overrides only

  bool operator==(const Topic&) const = default;
  /// __consumer_offsets and __transaction_state.
  bool internal() const;
  std::int32_t partition_count() const { return static_cast<std::int32_t>(partitions.size()); }
  bool has(PartitionIndex partition) const { return partition.value() >= 0 && partition.value() < partition_count(); }
};
using TopicPtr = std::shared_ptr<const Topic>;

/// The broker that stands for "all brokers" in dynamic broker configurations.
inline constexpr BrokerId kEveryBroker{-1};

class Image {
 public:
  /// What an image is made of; `topics` and `tombstones` in any order.
  struct Parts {
    Index index;
    std::string cluster_id;
    wal::LogId log_id;
    std::vector<TopicPtr> topics;
    std::vector<TopicId> tombstones;
    std::map<BrokerId, ConfigMap> broker_configs;
    ProducerId next_producer_id;
    Generation generation;
  };

  Image() = default;
  explicit Image(Parts parts);

  /// The last command that this image reflects.
  Index index() const { return parts_.index; }
  /// 22 characters of URL-safe base64; empty only before the first start has finished.
  const std::string& cluster_id() const { return parts_.cluster_id; }

  /// Identity of this data directory, chosen at its first start; 0 only before that has finished.
  wal::LogId log_id() const { return parts_.log_id; }

  /// Null if there is no such topic. O(log topics).
  TopicPtr find(std::string_view name) const;
  TopicPtr find(TopicId id) const;
  /// Sorted by name.
  std::span<const TopicPtr> topics() const { return parts_.topics; }
  /// Partitions of all topics.
  std::int64_t partition_count() const { return partition_count_; }

  /// Whether `id` was deleted and WAL files may still mention it.
  bool is_tombstone(TopicId id) const;
  /// Sorted by id.
  std::span<const TopicId> tombstones() const { return parts_.tombstones; }

  /// Dynamic overrides; those of kEveryBroker apply to all. Empty if none were set.
  const ConfigMap& broker_configs(BrokerId broker) const;
  /// The first producer id that no block has taken.
  ProducerId next_producer_id() const { return parts_.next_producer_id; }
  /// The last generation given out; 0 if none.
  Generation generation() const { return parts_.generation; }

 private:
  Parts parts_;
  std::vector<std::uint32_t> by_id_;  // positions in parts_.topics, by topic id
  std::int64_t partition_count_ = 0;
};
using ImagePtr = std::shared_ptr<const Image>;

}  // namespace chronik::meta
