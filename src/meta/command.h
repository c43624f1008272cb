// The commands of the metadata log and what applying one gives. Commands are values: whatever chance or clock decides
// (topic ids, times) is chosen by the proposer and carried inside, so that applying is deterministic. Encoding:
// docs/formats/metadata-log.md.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "meta/image.h"
#include "wire/errors.h"

namespace chronik::meta {

inline constexpr std::int32_t kTopicPartitionsMax = 100'000;      // partitions of one topic
inline constexpr std::int64_t kClusterPartitionsMax = 1'000'000;  // partitions of all topics
inline constexpr std::size_t kCommandBytesMax = 8U << 20;         // one encoded command
inline constexpr std::int32_t kProducerIdBlock = 1000;            // ids in one block

struct NewTopic {
  std::string name;
  TopicId id;  // random_topic_id()
  std::int32_t partitions = 1;
  ConfigMap configs;  // validated by the proposer

  bool operator==(const NewTopic&) const = default;
};
/// One item for each topic; items succeed or fail on their own.
struct CreateTopics {
  UnixMillis at;
  std::vector<NewTopic> topics;

  bool operator==(const CreateTopics&) const = default;
};

struct DeleteTopics {
  std::vector<TopicId> topics;

  bool operator==(const DeleteTopics&) const = default;
};

struct PartitionCount {
  TopicId topic;
  std::int32_t total = 0;  // after the change; more than now

  bool operator==(const PartitionCount&) const = default;
};
struct CreatePartitions {
  std::vector<PartitionCount> topics;

  bool operator==(const CreatePartitions&) const = default;
};

/// Kafka's AlterConfigOp. Resolved when applied, so that concurrent increments do not overwrite one another.
enum class ConfigOperation : std::uint8_t {
  set = 0,
  remove = 1,    // back to the default
  append = 2,    // to a comma-separated list
  subtract = 3,  // from a comma-separated list
};
struct ConfigChange {
  std::string key;
  ConfigOperation operation = ConfigOperation::set;
  std::string value;

  bool operator==(const ConfigChange&) const = default;
};
/// What appending or subtracting makes of a comma-separated list.
std::string changed_list(std::string_view now, const ConfigChange& change);

struct TopicConfigChange {
  TopicId topic;
  bool replace = false;  // forget all overrides first (AlterConfigs)
  std::vector<ConfigChange> changes;

  bool operator==(const TopicConfigChange&) const = default;
};
struct AlterTopicConfigs {
  std::vector<TopicConfigChange> topics;

  bool operator==(const AlterTopicConfigs&) const = default;
};
struct AlterBrokerConfigs {
  BrokerId broker = kEveryBroker;
  bool replace = false;
  std::vector<ConfigChange> changes;

  bool operator==(const AlterBrokerConfigs&) const = default;
};

/// Outcome::value is the first id of the block.
struct AllocateProducerIds {
  std::int32_t count = kProducerIdBlock;

  bool operator==(const AllocateProducerIds&) const = default;
};
/// Outcome::value is the generation.
struct AllocateGeneration {
  bool operator==(const AllocateGeneration&) const = default;
};
/// No WAL file mentions these any more. Ids that are no tombstones are ignored.
struct ForgetTombstones {
  std::vector<TopicId> topics;

  bool operator==(const ForgetTombstones&) const = default;
};
/// Takes effect once in the life of a cluster; later ones change nothing.
struct InitializeCluster {
  std::string cluster_id;
  wal::LogId log_id;

  bool operator==(const InitializeCluster&) const = default;
};

using Command = std::variant<CreateTopics, DeleteTopics, CreatePartitions, AlterTopicConfigs, AlterBrokerConfigs,
                             AllocateProducerIds, AllocateGeneration, ForgetTombstones, InitializeCluster>;

/// What became of one item of a command.
struct ItemOutcome {
  wire::ErrorCode error = wire::ErrorCode::none;
  std::string message;  // one sentence for the client; empty on success

  bool ok() const { return error == wire::ErrorCode::none; }
  bool operator==(const ItemOutcome&) const = default;
};

/// What became of a command. `items` run parallel to the command's items; commands without items have none.
struct Outcome {
  Index index;
  std::vector<ItemOutcome> items;
  std::int64_t value = 0;  // AllocateProducerIds, AllocateGeneration

  bool operator==(const Outcome&) const = default;
};

/// invalid_argument if longer than kCommandBytesMax.
Result<Buffer> encode(const Command& command);
/// corrupt for anything that encode() does not give; never reads outside `bytes`, never allocates more than a small
/// multiple of it.
Result<Command> decode_command(ByteSpan bytes);

}  // namespace chronik::meta
