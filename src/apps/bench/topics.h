// What a run needs to know about its topic before and after: how many partitions, where each begins and ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/bench/kafka.h"

namespace chronik::bench {

/// Offsets [start, end) that one partition holds.
struct PartitionRange {
  std::int64_t start = 0;
  std::int64_t end = 0;
};

/// Ready to be produced to: creates the topic if the workload says so, waits until each partition has a leader, and
/// returns the number of partitions. A broker that creates topics by itself may do so here.
Result<int> prepare_topic(const Connection& connection, const Workload& load);

/// Number of partitions of an existing topic.
Result<int> partition_count(const Connection& connection, const std::string& topic);

/// Indexed by partition; two batched ListOffsets look-ups.
Result<std::vector<PartitionRange>> partition_ranges(const Connection& connection, const std::string& topic,
                                                     int partitions);

}  // namespace chronik::bench
