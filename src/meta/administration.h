// What CreateTopics, DeleteTopics, CreatePartitions and the config requests mean: checks each item against image and
// configuration, proposes the good ones as one command, and gives an outcome for every item in the order asked. Any
// shard; handlers call these instead of building commands.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "meta/command.h"
#include "meta/config.h"
#include "shard/shard.h"

namespace chronik::meta {

class Metadata;

struct TopicRequest {
  std::string name;
  std::int32_t partitions = -1;          // -1: num.partitions
  std::int16_t replication_factor = -1;  // -1: default.replication.factor; else 1
  ConfigMap configs;
};
struct CreatedTopic {
  ItemOutcome outcome;
  TopicId id;  // zero unless created
  std::int32_t partitions = 0;
  std::int16_t replication_factor = 1;
};
/// `validate_only` checks and creates nothing (ids stay zero). Names twice in one request fail, all of them.
task::Task<Result<std::vector<CreatedTopic>>> create_topics(Metadata& metadata, shard::Shard& from,
                                                            std::vector<TopicRequest> topics, bool validate_only,
                                                            Deadline until);

/// A topic by name or by id, as DeleteTopics 6 allows.
struct TopicReference {
  std::optional<std::string> name;
  TopicId id;  // used when there is no name
};
struct DeletedTopic {
  ItemOutcome outcome;
  std::string name;
  TopicId id;
};
task::Task<Result<std::vector<DeletedTopic>>> delete_topics(Metadata& metadata, shard::Shard& from,
                                                            std::vector<TopicReference> topics, Deadline until);

struct PartitionsRequest {
  std::string name;
  std::int32_t total = 0;
};
task::Task<Result<std::vector<ItemOutcome>>> create_partitions(Metadata& metadata, shard::Shard& from,
                                                               std::vector<PartitionsRequest> topics,
                                                               bool validate_only, Deadline until);

/// AlterConfigs sets `replace`, IncrementalAlterConfigs does not.
struct TopicConfigRequest {
  std::string name;
  bool replace = false;
  std::vector<ConfigChange> changes;
};
task::Task<Result<std::vector<ItemOutcome>>> alter_topic_configs(Metadata& metadata, shard::Shard& from,
                                                                 std::vector<TopicConfigRequest> topics,
                                                                 bool validate_only, Deadline until);

/// `broker`: kEveryBroker or this node's id.
task::Task<Result<ItemOutcome>> alter_broker_configs(Metadata& metadata, shard::Shard& from, BrokerId broker,
                                                     bool replace, std::vector<ConfigChange> changes,
                                                     bool validate_only, Deadline until);

}  // namespace chronik::meta
