#include "meta/state.h"

#include <algorithm>

#include "base/check.h"
#include "meta/config_definition.h"
#include "meta/topic_name.h"

namespace chronik::meta {

using wire::ErrorCode;

namespace {

ItemOutcome problem(ErrorCode error, std::string message) {
  return {error, std::move(message)};
}

ItemOutcome no_such_topic(TopicId id) {
  return problem(ErrorCode::unknown_topic_or_partition, "There is no topic with id " + id.to_string() + ".");
}

void apply_changes(ConfigMap& configs, bool replace, const std::vector<ConfigChange>& changes) {
  if (replace) configs.clear();
  for (const ConfigChange& change : changes) {
    switch (change.operation) {
      case ConfigOperation::set:
        configs[change.key] = change.value;
        break;
      case ConfigOperation::remove:
        configs.erase(change.key);
        break;
      case ConfigOperation::append:
      case ConfigOperation::subtract:
        configs[change.key] = changed_list(configs[change.key], change);
        break;
    }
  }
}

}  // namespace

std::string changed_list(std::string_view now, const ConfigChange& change) {
  std::vector<std::string> items = parse_list(now);
  for (const std::string& item : parse_list(change.value)) {
    const auto found = std::ranges::find(items, item);
    if (change.operation == ConfigOperation::append && found == items.end()) items.push_back(item);
    if (change.operation == ConfigOperation::subtract && found != items.end()) items.erase(found);
  }
  std::string text;
  for (const std::string& item : items) text.append(text.empty() ? "" : ",").append(item);
  return text;
}

struct MetadataState::Apply {
  MetadataState& state;
  Outcome& outcome;

  void operator()(const CreateTopics& c) const {
    for (const NewTopic& topic : c.topics) outcome.items.push_back(state.create(topic, c.at));
  }
  void operator()(const DeleteTopics& c) const {
    for (const TopicId& id : c.topics) outcome.items.push_back(state.erase(id));
  }
  void operator()(const CreatePartitions& c) const {
    for (const PartitionCount& change : c.topics) outcome.items.push_back(state.grow(change));
  }
  void operator()(const AlterTopicConfigs& c) const {
    for (const TopicConfigChange& change : c.topics) outcome.items.push_back(state.alter(change));
  }
  void operator()(const AlterBrokerConfigs& c) const {
    ConfigMap& configs = state.broker_configs_[c.broker];
    apply_changes(configs, c.replace, c.changes);
    if (configs.empty()) state.broker_configs_.erase(c.broker);
    outcome.items.emplace_back();
  }
  void operator()(const AllocateProducerIds& c) const {
    if (c.count < 1 || state.next_producer_id_ > std::numeric_limits<std::int64_t>::max() - c.count) {
      outcome.items.push_back(problem(ErrorCode::invalid_request, "No block of this size is left."));
      return;
    }
    outcome.value = state.next_producer_id_;
    state.next_producer_id_ += c.count;
  }
  void operator()(const AllocateGeneration&) const { outcome.value = static_cast<std::int64_t>(++state.generation_); }
  void operator()(const ForgetTombstones& c) const {
    for (const TopicId& id : c.topics) state.tombstones_.erase(id);
  }
  void operator()(const InitializeCluster& c) const {
    if (!state.cluster_id_.empty()) return;
    state.cluster_id_ = c.cluster_id;
    state.log_id_ = c.log_id;
  }
};

Outcome MetadataState::apply(Index index, const Command& command) {
  CHECK(index > index_);
  index_ = index;
  Outcome outcome;
  outcome.index = index;
  std::visit(Apply{*this, outcome}, command);
  return outcome;
}

ItemOutcome MetadataState::create(const NewTopic& topic, UnixMillis at) {
  if (auto bad_name = topic_name_problem(topic.name)) return problem(ErrorCode::invalid_topic_exception, *bad_name);
  if (topics_.contains(topic.name)) {
    return problem(ErrorCode::topic_already_exists, "Topic '" + topic.name + "' already exists.");
  }
  if (const auto other = collisions_.find(collision_key(topic.name)); other != collisions_.end()) {
    return problem(ErrorCode::invalid_topic_exception,
                   "Topic '" + topic.name + "' collides with existing topic '" + other->second + "'.");
  }
  if (topic.partitions < 1 || topic.partitions > kTopicPartitionsMax) {
    return problem(ErrorCode::invalid_partitions, "The number of partitions must be between 1 and " +
                                                      std::to_string(kTopicPartitionsMax) + ", not " +
                                                      std::to_string(topic.partitions) + ".");
  }
  if (partition_count_ + topic.partitions > kClusterPartitionsMax) {
    return problem(ErrorCode::policy_violation,
                   "All topics together may have " + std::to_string(kClusterPartitionsMax) + " partitions.");
  }
  if (topic.id.is_zero() || by_id_.contains(topic.id) || tombstones_.contains(topic.id)) {
    return problem(ErrorCode::invalid_request, "Topic id " + topic.id.to_string() + " is taken.");
  }
  insert(std::make_shared<Topic>(Topic{
      .name = topic.name,
      .id = topic.id,
      .created_at = at,
      .partitions = std::vector<Partition>(static_cast<std::size_t>(topic.partitions)),
      .configs = topic.configs,
  }));
  return {};
}

ItemOutcome MetadataState::erase(TopicId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return no_such_topic(id);
  const TopicPtr topic = found->second;
  partition_count_ -= topic->partition_count();
  by_id_.erase(found);
  topics_.erase(topic->name);
  collisions_.erase(collision_key(topic->name));
  tombstones_.insert(id);
  return {};
}

ItemOutcome MetadataState::grow(const PartitionCount& change) {
  const auto found = by_id_.find(change.topic);
  if (found == by_id_.end()) return no_such_topic(change.topic);
  const std::int32_t now = found->second->partition_count();
  if (change.total <= now || change.total > kTopicPartitionsMax) {
    return problem(ErrorCode::invalid_partitions, "Topic '" + found->second->name + "' has " + std::to_string(now) +
                                                      " partitions; " + std::to_string(change.total) +
                                                      " is not more of them, or above the limit of " +
                                                      std::to_string(kTopicPartitionsMax) + ".");
  }
  if (partition_count_ + change.total - now > kClusterPartitionsMax) {
    return problem(ErrorCode::policy_violation,
                   "All topics together may have " + std::to_string(kClusterPartitionsMax) + " partitions.");
  }
  auto grown = std::make_shared<Topic>(*found->second);
  grown->partitions.resize(static_cast<std::size_t>(change.total));
  partition_count_ += change.total - now;
  replace(std::move(grown));
  return {};
}

ItemOutcome MetadataState::alter(const TopicConfigChange& change) {
  const auto found = by_id_.find(change.topic);
  if (found == by_id_.end()) return no_such_topic(change.topic);
  auto altered = std::make_shared<Topic>(*found->second);
  apply_changes(altered->configs, change.replace, change.changes);
  replace(std::move(altered));
  return {};
}

void MetadataState::insert(TopicPtr topic) {
  partition_count_ += topic->partition_count();
  collisions_.emplace(collision_key(topic->name), topic->name);
  by_id_.emplace(topic->id, topic);
  topics_.emplace(topic->name, std::move(topic));
}

void MetadataState::replace(TopicPtr topic) {
  by_id_[topic->id] = topic;
  topics_[topic->name] = std::move(topic);
}

ImagePtr MetadataState::image() const {
  Image::Parts parts;
  parts.index = index_;
  parts.cluster_id = cluster_id_;
  parts.log_id = log_id_;
  parts.topics.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) parts.topics.push_back(topic);
  parts.tombstones.assign(tombstones_.begin(), tombstones_.end());
  parts.broker_configs = broker_configs_;
  parts.next_producer_id = ProducerId(next_producer_id_);
  parts.generation = Generation(generation_);
  return std::make_shared<const Image>(std::move(parts));
}

bool MetadataState::operator==(const MetadataState& other) const {
  return as_text(encode().span()) == as_text(other.encode().span());
}

}  // namespace chronik::meta
