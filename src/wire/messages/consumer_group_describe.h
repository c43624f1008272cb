// ConsumerGroupDescribe: state and members of groups of the new consumer protocol (KIP-848).
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

struct ConsumerGroupDescribeResponse;

struct ConsumerGroupDescribeRequest {
  static constexpr Schema kSchema = api_schema("ConsumerGroupDescribeRequest", ApiKey::consumer_group_describe);
  using Response = ConsumerGroupDescribeResponse;

  std::vector<std::string> group_ids;
  bool include_authorized_operations = false;
};

struct ConsumerGroupDescribeResponse {
  static constexpr Schema kSchema = api_schema("ConsumerGroupDescribeResponse", ApiKey::consumer_group_describe);

  struct TopicPartitions {
    TopicId topic_id;
    std::string topic_name;
    std::vector<PartitionIndex> partitions;
  };

  struct Assignment {
    std::vector<TopicPartitions> topic_partitions;
  };

  struct Member {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::optional<std::string> rack_id;
    std::int32_t member_epoch = 0;
    std::string client_id;
    std::string client_host;
    std::vector<std::string> subscribed_topic_names;
    std::optional<std::string> subscribed_topic_regex;
    Assignment assignment;
    Assignment target_assignment;
    std::int8_t member_type = -1;  // 0: classic, 1: consumer (KIP-1099)
  };

  struct Group {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;
    std::int32_t group_epoch = 0;
    std::int32_t assignment_epoch = 0;
    std::string assignor_name;
    std::vector<Member> members;
    std::int32_t authorized_operations = kOperationsNotRequested;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;
};

}  // namespace chronik::wire
