// What holds in every metadata state: run at every test's end, inside the simulator and on each decoded snapshot.
#include "meta/state.h"
#include "meta/topic_name.h"

namespace chronik::meta {

namespace {
std::unexpected<Error> broken(const std::string& what) {
  return fail(Errc::corrupt, "metadata state: " + what);
}
}  // namespace

Status check_invariants(const MetadataState& state) {
  std::int64_t partitions = 0;
  for (const auto& [name, topic] : state.topics_) {
    if (topic->name != name) return broken("a topic under another name than its own");
    if (topic_name_problem(name)) return broken("illegal topic name");
    if (topic->id.is_zero()) return broken("topic '" + name + "' has no id");
    const auto same = state.by_id_.find(topic->id);
    if (same == state.by_id_.end() || same->second != topic) return broken("topic '" + name + "' is not found by id");
    if (state.tombstones_.contains(topic->id)) return broken("topic '" + name + "' is alive and a tombstone");
    const auto key = state.collisions_.find(collision_key(name));
    if (key == state.collisions_.end() || key->second != name) return broken("topic '" + name + "' collides");
    if (topic->partitions.empty() || topic->partition_count() > kTopicPartitionsMax) {
      return broken("topic '" + name + "' has an impossible number of partitions");
    }
    for (const Partition& partition : topic->partitions) {
      if (partition.leader_epoch.value() < 0) return broken("topic '" + name + "' has a negative leader epoch");
    }
    partitions += topic->partition_count();
  }
  if (state.by_id_.size() != state.topics_.size() || state.collisions_.size() != state.topics_.size()) {
    return broken("the tables of topics disagree");
  }
  if (partitions != state.partition_count_ || partitions > kClusterPartitionsMax) {
    return broken("the number of partitions is wrong");
  }
  if (state.next_producer_id_ < 0) return broken("the next producer id is negative");
  if (state.tombstones_.contains(TopicId{})) return broken("the zero id is a tombstone");
  for (const auto& [broker, configs] : state.broker_configs_) {
    if (configs.empty()) return broken("an empty set of broker configurations");
  }
  return {};
}

}  // namespace chronik::meta
