// The topics of a world that live as long as it does, and their configuration.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/harness/history.h"

namespace chronik::sim {

struct TopicPlan {
  std::string name;
  std::int32_t partitions = 1;
  std::vector<std::pair<std::string, std::string>> configs;
  Retention retention;
  bool bulk = false;  // takes large batches
};

/// Two that are read by the group, one with small indexes, one each with retention by time and by size.
std::span<const TopicPlan> world_topics();
std::vector<PartitionName> world_partitions();
/// Null if it is none of them.
const TopicPlan* find_topic(std::string_view name);

}  // namespace chronik::sim
