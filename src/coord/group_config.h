// The settings of the group coordinator, typed; Kafka's names and defaults where they exist.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace chronik::coord {

/// Whether live groups change between the protocols (group.consumer.migration.policy).
enum class MigrationPolicy : std::uint8_t { disabled, upgrade, downgrade, bidirectional };

struct GroupConfig {
  Duration initial_rebalance_delay = 3s;            // group.initial.rebalance.delay.ms
  std::int32_t min_session_timeout_ms = 6'000;      // group.min.session.timeout.ms
  std::int32_t max_session_timeout_ms = 1'800'000;  // group.max.session.timeout.ms
  std::int32_t group_max_size = INT32_MAX;          // group.max.size: members of one group
  // The new consumer protocol: group.consumer.*
  std::int32_t consumer_session_timeout_ms = 45'000;
  std::int32_t consumer_heartbeat_interval_ms = 5'000;
  std::int32_t consumer_max_size = INT32_MAX;                          // members of one group
  std::vector<std::string> consumer_assignors = {"uniform", "range"};  // the first is the default
  MigrationPolicy consumer_migration = MigrationPolicy::bidirectional;
  std::int64_t consumer_regex_refresh_ms = 600'000;
  std::int32_t offset_metadata_max_bytes = 4096;          // offset.metadata.max.bytes
  std::int64_t offsets_retention_ms = 604'800'000;        // offsets.retention.minutes
  Duration offsets_retention_check = 10min;               // offsets.retention.check.interval.ms
  Duration offset_commit_timeout = 5s;                    // offsets.commit.timeout.ms: for a write to become durable
  std::int32_t offsets_topic_partitions = 50;             // offsets.topic.num.partitions, of a new topic
  Duration new_member_join_timeout = 5min;                // Kafka's constant: a new member that is not heard of again
  std::size_t memory_bytes_max = std::size_t{256} << 20;  // groups, members and offsets of one shard
  std::size_t load_bytes = std::size_t{1} << 20;          // read at a time while loading
};

}  // namespace chronik::coord
