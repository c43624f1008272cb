// Records of __consumer_offsets: committed offsets, the metadata of classic groups, and any record's key. Keys and
// values start with an int16: in a value its version, in a key the kind of record, which is the version of the key's
// description (0 and 1: a committed offset; 2: a classic group; 3 and up: consumer_group_records.h). See
// records/versioned.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/records/consumer_group_records.h"
#include "wire/types.h"

namespace chronik::wire {

struct OffsetCommitKey {
  static constexpr Schema kSchema{.name = "OffsetCommitKey", .min = 0, .max = 1};

  std::string group;
  std::string topic;
  PartitionIndex partition;
};

struct OffsetCommitValue {
  static constexpr Schema kSchema{.name = "OffsetCommitValue", .min = 0, .max = 4, .flexible_since = 4};

  Offset offset;
  LeaderEpoch leader_epoch{-1};
  std::string metadata;
  UnixMillis commit_timestamp;
  UnixMillis expire_timestamp{-1};
  TopicId topic_id;
};

struct GroupMetadataKey {
  static constexpr Schema kSchema{.name = "GroupMetadataKey", .min = 2, .max = 2};

  std::string group;
};

struct GroupMetadataValue {
  static constexpr Schema kSchema{.name = "GroupMetadataValue", .min = 0, .max = 4, .flexible_since = 4};

  struct MemberMetadata {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    std::int32_t rebalance_timeout_ms = -1;
    std::int32_t session_timeout_ms = 0;
    Buffer subscription;
    Buffer assignment;
  };

  std::string protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  UnixMillis current_state_timestamp{-1};
  std::vector<MemberMetadata> members;
};

using GroupKey = std::variant<OffsetCommitKey, GroupMetadataKey, ConsumerGroupMetadataKey,
                              ConsumerGroupPartitionMetadataKey, ConsumerGroupMemberMetadataKey,
                              ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMemberKey,
                              ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupRegularExpressionKey>;

/// The key of a record of __consumer_offsets. Errors: corrupt, unsupported (a kind of record we do not know).
Result<GroupKey> decode_group_key(const Buffer& key);

}  // namespace chronik::wire
