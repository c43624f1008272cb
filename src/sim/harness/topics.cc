#include "sim/harness/topics.h"

#include <algorithm>

namespace chronik::sim {

std::span<const TopicPlan> world_topics() {
  static const std::vector<TopicPlan> kTopics = {
      {.name = "topic-0", .partitions = 3, .configs = {{"segment.bytes", "1048576"}}, .retention = {}},
      {.name = "topic-1",
       .partitions = 3,
       .configs = {{"segment.bytes", "1048576"}, {"segment.ms", "5000"}},
       .retention = {}},
      {.name = "topic-2",
       .partitions = 2,
       .configs = {{"segment.ms", "3000"}, {"index.interval.bytes", "256"}, {"segment.index.bytes", "1024"}},
       .retention = {}},
      {.name = "aged",
       .partitions = 2,
       .configs = {{"retention.ms", "12000"}, {"segment.ms", "3000"}},
       .retention = {.ms = 12'000}},
      {.name = "sized",
       .partitions = 1,
       .configs = {{"retention.bytes", "2097152"}, {"segment.bytes", "1048576"}},
       .retention = {.bytes = 2'097'152},
       .bulk = true},
  };
  return kTopics;
}

std::vector<PartitionName> world_partitions() {
  std::vector<PartitionName> all;
  for (const TopicPlan& topic : world_topics()) {
    for (std::int32_t i = 0; i < topic.partitions; ++i) all.push_back({topic.name, i});
  }
  return all;
}

const TopicPlan* find_topic(std::string_view name) {
  const auto found = std::ranges::find(world_topics(), name, &TopicPlan::name);
  return found == world_topics().end() ? nullptr : &*found;
}

}  // namespace chronik::sim
