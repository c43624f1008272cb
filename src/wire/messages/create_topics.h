// CreateTopics: new topics with partitions and configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/types.h"

namespace chronik::wire {

struct CreateTopicsResponse;

struct CreateTopicsRequest {
  static constexpr Schema kSchema = api_schema("CreateTopicsRequest", ApiKey::create_topics);
  using Response = CreateTopicsResponse;

  struct ReplicaAssignment {
    PartitionIndex partition_index;
    std::vector<BrokerId> broker_ids;
  };

  struct Config {
    std::string name;
    std::optional<std::string> value;
  };

  struct Topic {
    std::string name;
    std::int32_t num_partitions = 0;
    std::int16_t replication_factor = 0;
    std::vector<ReplicaAssignment> assignments;
    std::vector<Config> configs;
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 60000;
  bool validate_only = false;
};

struct CreateTopicsResponse {
  static constexpr Schema kSchema = api_schema("CreateTopicsResponse", ApiKey::create_topics);

  struct Config {
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    ConfigSource config_source = ConfigSource::unknown;
    bool is_sensitive = false;
  };

  struct TopicResult {
    std::string name;
    TopicId topic_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    ErrorCode topic_config_error_code = ErrorCode::none;
    std::int32_t num_partitions = -1;
    std::int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TopicResult> topics;
};

}  // namespace chronik::wire
