// Records of __consumer_offsets that keep groups of the new consumer protocol (KIP-848). One record says one thing: the
// group's epoch, a member, its target or its current assignment. A key's version is its kind; see group_records.h.
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

struct ConsumerGroupMetadataKey {
  static constexpr Schema kSchema{.name = "ConsumerGroupMetadataKey", .min = 3, .max = 3};
  std::string group_id;
};

struct ConsumerGroupMetadataValue {
  static constexpr Schema kSchema{.name = "ConsumerGroupMetadataValue", .flexible_since = 0};
  std::int32_t epoch = 0;
  std::int64_t metadata_hash = 0;  // of the subscribed topics
};

/// Kafka wrote these before 4.1; only read, so that they can be removed.
struct ConsumerGroupPartitionMetadataKey {
  static constexpr Schema kSchema{.name = "ConsumerGroupPartitionMetadataKey", .min = 4, .max = 4};
  std::string group_id;
};

struct ConsumerGroupPartitionMetadataValue {
  static constexpr Schema kSchema{.name = "ConsumerGroupPartitionMetadataValue", .flexible_since = 0};

  struct PartitionMetadata {
    PartitionIndex partition;
    std::vector<std::string> racks;
  };

  struct TopicMetadata {
    TopicId topic_id;
    std::string topic_name;
    std::int32_t num_partitions = 0;
    std::vector<PartitionMetadata> partition_metadata;
  };

  std::vector<TopicMetadata> topics;
};

struct ConsumerGroupMemberMetadataKey {
  static constexpr Schema kSchema{.name = "ConsumerGroupMemberMetadataKey", .min = 5, .max = 5};
  std::string group_id;
  std::string member_id;
};

/// What a member that speaks the classic protocol said in its JoinGroup.
struct ClassicMemberMetadata {
  struct ClassicProtocol {
    std::string name;
    Buffer metadata;
    bool operator==(const ClassicProtocol& other) const;
  };

  std::int32_t session_timeout_ms = 0;
  std::vector<ClassicProtocol> supported_protocols;
  bool operator==(const ClassicMemberMetadata&) const = default;
};

struct ConsumerGroupMemberMetadataValue {
  static constexpr Schema kSchema{.name = "ConsumerGroupMemberMetadataValue", .flexible_since = 0};

  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::vector<std::string> subscribed_topic_names;
  std::optional<std::string> subscribed_topic_regex;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> server_assignor;
  std::optional<ClassicMemberMetadata> classic_member_metadata;
};

struct ConsumerGroupTargetAssignmentMetadataKey {
  static constexpr Schema kSchema{.name = "ConsumerGroupTargetAssignmentMetadataKey", .min = 6, .max = 6};
  std::string group_id;
};

struct ConsumerGroupTargetAssignmentMetadataValue {
  static constexpr Schema kSchema{.name = "ConsumerGroupTargetAssignmentMetadataValue", .flexible_since = 0};
  std::int32_t assignment_epoch = 0;
  UnixMillis assignment_timestamp{0};  // KIP-1263
};

struct ConsumerGroupTargetAssignmentMemberKey {
  static constexpr Schema kSchema{.name = "ConsumerGroupTargetAssignmentMemberKey", .min = 7, .max = 7};
  std::string group_id;
  std::string member_id;
};

struct ConsumerGroupTargetAssignmentMemberValue {
  static constexpr Schema kSchema{.name = "ConsumerGroupTargetAssignmentMemberValue", .flexible_since = 0};

  struct TopicPartition {
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;
  };

  std::vector<TopicPartition> topic_partitions;
};

struct ConsumerGroupCurrentMemberAssignmentKey {
  static constexpr Schema kSchema{.name = "ConsumerGroupCurrentMemberAssignmentKey", .min = 8, .max = 8};
  std::string group_id;
  std::string member_id;
};

struct ConsumerGroupCurrentMemberAssignmentValue {
  static constexpr Schema kSchema{.name = "ConsumerGroupCurrentMemberAssignmentValue", .flexible_since = 0};

  struct TopicPartitions {
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;
    /// For each partition the member epoch at which it was assigned; unset in records of old.
    std::optional<std::vector<std::int32_t>> assignment_epochs;
  };

  std::int32_t member_epoch = 0;
  std::int32_t previous_member_epoch = 0;
  std::int8_t state = 0;
  std::vector<TopicPartitions> assigned_partitions;
  std::vector<TopicPartitions> partitions_pending_revocation;
};

struct ConsumerGroupRegularExpressionKey {
  static constexpr Schema kSchema{.name = "ConsumerGroupRegularExpressionKey", .min = 16, .max = 16};
  std::string group_id;
  std::string regular_expression;
};

struct ConsumerGroupRegularExpressionValue {
  static constexpr Schema kSchema{.name = "ConsumerGroupRegularExpressionValue", .flexible_since = 0};
  std::vector<std::string> topics;
  std::int64_t version = 0;  // of the metadata that was looked at
  UnixMillis timestamp{0};
};

}  // namespace chronik::wire
