#include "meta/administration.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "meta/meta.h"

namespace chronik::meta {

using wire::ErrorCode;

namespace {

ItemOutcome problem(ErrorCode error, std::string message) {
  return {error, std::move(message)};
}

ItemOutcome bad_config(const Error& error) {
  return problem(ErrorCode::invalid_config, error.detail);
}

ItemOutcome unknown_topic(std::string_view name) {
  return problem(ErrorCode::unknown_topic_or_partition, fmt::format("There is no topic '{}'.", name));
}

/// How often each key occurs: an item named twice in one request is refused, as Kafka does.
template <class Items, class Key>
auto count_by(const Items& items, Key key) {
  std::map<std::decay_t<decltype(key(items.front()))>, int> counts;
  for (const auto& item : items) ++counts[key(item)];
  return counts;
}

ItemOutcome named_twice(std::string_view name) {
  return problem(ErrorCode::invalid_request, fmt::format("'{}' is named more than once in the request.", name));
}

/// Fills in the broker's defaults and checks what can be known without applying.
ItemOutcome check_topic(const Image& image, const BrokerConfig& broker, TopicRequest& topic) {
  if (auto bad_name = topic_name_problem(topic.name)) return problem(ErrorCode::invalid_topic_exception, *bad_name);
  if (image.find(topic.name)) {
    return problem(ErrorCode::topic_already_exists, fmt::format("Topic '{}' already exists.", topic.name));
  }
  if (topic.partitions == -1) topic.partitions = broker.num_partitions;
  if (topic.partitions < 1 || topic.partitions > kTopicPartitionsMax) {
    return problem(ErrorCode::invalid_partitions,
                   fmt::format("The number of partitions must be between 1 and {}, or -1 for the broker's default.",
                               kTopicPartitionsMax));
  }
  if (topic.replication_factor == -1) topic.replication_factor = broker.default_replication_factor;
  if (topic.replication_factor != 1) {
    return problem(ErrorCode::invalid_replication_factor,
                   fmt::format("Replication factor {} is impossible: there is 1 broker.", topic.replication_factor));
  }
  for (const auto& [key, value] : topic.configs) {
    if (auto good = check_topic_config(broker, topic.name, key, value); !good) return bad_config(good.error());
  }
  if (auto good = check_topic_configs_together(broker, topic.configs); !good) return bad_config(good.error());
  return {};
}

/// For validate_only, where the state machine does not get to say it.
ItemOutcome check_collision(const Image& image, const std::string& name) {
  const std::string key = collision_key(name);
  const auto other =
      std::ranges::find_if(image.topics(), [&key](const TopicPtr& topic) { return collision_key(topic->name) == key; });
  if (other == image.topics().end()) return {};
  return problem(ErrorCode::invalid_topic_exception,
                 fmt::format("Topic '{}' collides with existing topic '{}'.", name, (*other)->name));
}

/// Checks one change and, where the list to change is only a default, makes it a plain set.
/// `definition` is null for an unknown key; `own` the override in force, `inherited` the value without it.
template <class Check>
ItemOutcome check_change(ConfigChange& change, const ConfigDefinition* definition, const std::string* own,
                         const std::string& inherited, Check check) {
  if (!definition) {
    return problem(ErrorCode::invalid_config, fmt::format("Unknown configuration {}", change.key));
  }
  if (change.operation == ConfigOperation::remove) return {};
  if (change.operation == ConfigOperation::set) {
    auto good = check(change.value);
    return good ? ItemOutcome{} : bad_config(good.error());
  }
  if (definition->type != ConfigType::list) {
    return problem(ErrorCode::invalid_config,
                   fmt::format("{} is no list: it can be set, not appended to or subtracted from", change.key));
  }
  const std::string result = changed_list(own ? *own : inherited, change);
  if (auto good = check(result); !good) return bad_config(good.error());
  if (!own) change = {change.key, ConfigOperation::set, result};
  return {};
}

ItemOutcome check_topic_changes(const BrokerConfig& broker, const Topic& topic, TopicConfigRequest& request) {
  const auto counts = count_by(request.changes, [](const ConfigChange& change) { return change.key; });
  for (ConfigChange& change : request.changes) {
    if (counts.at(change.key) > 1) return named_twice(change.key);
    const auto own = topic.configs.find(change.key);
    const bool has_own = own != topic.configs.end() && !request.replace;
    auto checked = check_change(change, find_topic_definition(change.key), has_own ? &own->second : nullptr,
                                broker.topic_default(change.key).text, [&](std::string_view value) {
                                  return check_topic_config(broker, topic.name, change.key, value);
                                });
    if (!checked.ok()) return checked;
  }
  ConfigMap after = request.replace ? ConfigMap{} : topic.configs;
  for (const ConfigChange& change : request.changes) {
    if (change.operation == ConfigOperation::set) after.insert_or_assign(change.key, change.value);
    if (change.operation == ConfigOperation::remove) after.erase(change.key);
  }
  if (auto good = check_topic_configs_together(broker, after); !good) return bad_config(good.error());
  return {};
}

/// Proposes `command` unless it is empty, and puts its outcomes where `slots` points.
task::Task<Status> run(Metadata& metadata, shard::Shard& from, Command command, std::vector<ItemOutcome*> slots,
                       Deadline until) {
  if (slots.empty()) co_return Status{};
  CO_TRY(Outcome outcome, co_await metadata.propose(from, std::move(command), until));
  CHECK(outcome.items.size() == slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) *slots[i] = std::move(outcome.items[i]);
  co_return Status{};
}

}  // namespace

task::Task<Result<std::vector<CreatedTopic>>> create_topics(Metadata& metadata, shard::Shard& from,
                                                            std::vector<TopicRequest> topics, bool validate_only,
                                                            Deadline until) {
  const ImagePtr image = metadata.view(from).image();
  const BrokerConfig broker = metadata.view(from).broker();
  const auto counts = count_by(topics, [](const TopicRequest& topic) { return topic.name; });
  std::vector<CreatedTopic> created(topics.size());
  CreateTopics command;
  command.at = from.context().wall_now();
  std::vector<ItemOutcome*> slots;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    TopicRequest& topic = topics[i];
    ItemOutcome& outcome = created[i].outcome;
    outcome = counts.at(topic.name) > 1 ? named_twice(topic.name) : check_topic(*image, broker, topic);
    if (outcome.ok() && validate_only) outcome = check_collision(*image, topic.name);
    created[i].partitions = topic.partitions;
    created[i].replication_factor = topic.replication_factor;
    if (!outcome.ok() || validate_only) continue;
    created[i].id = random_topic_id(from.context().env().entropy);
    command.topics.push_back({topic.name, created[i].id, topic.partitions, topic.configs});
    slots.push_back(&outcome);
  }
  CO_TRY_STATUS(co_await run(metadata, from, std::move(command), std::move(slots), until));
  for (CreatedTopic& topic : created) {
    if (!topic.outcome.ok()) topic.id = TopicId{};
  }
  co_return created;
}

task::Task<Result<std::vector<DeletedTopic>>> delete_topics(Metadata& metadata, shard::Shard& from,
                                                            std::vector<TopicReference> topics, Deadline until) {
  const ImagePtr image = metadata.view(from).image();
  const bool allowed = metadata.view(from).broker().delete_topics;
  std::vector<DeletedTopic> deleted(topics.size());
  std::vector<TopicPtr> found(topics.size());
  for (std::size_t i = 0; i < topics.size(); ++i) {
    found[i] = topics[i].name ? image->find(*topics[i].name) : image->find(topics[i].id);
    deleted[i].name = found[i] ? found[i]->name : topics[i].name.value_or("");
    deleted[i].id = found[i] ? found[i]->id : topics[i].id;
  }
  const auto counts = count_by(found, [](const TopicPtr& topic) { return topic ? topic->name : std::string(); });
  DeleteTopics command;
  std::vector<ItemOutcome*> slots;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    ItemOutcome& outcome = deleted[i].outcome;
    if (!allowed) {
      outcome = problem(ErrorCode::topic_deletion_disabled, "delete.topic.enable is false on this broker.");
    } else if (!found[i]) {
      outcome = topics[i].name ? unknown_topic(*topics[i].name)
                               : problem(ErrorCode::unknown_topic_id,
                                         fmt::format("There is no topic with id {}.", topics[i].id.to_string()));
    } else if (counts.at(found[i]->name) > 1) {
      outcome = named_twice(found[i]->name);
    } else if (found[i]->internal()) {
      outcome = problem(ErrorCode::invalid_request, "Internal topics cannot be deleted.");
    } else {
      command.topics.push_back(found[i]->id);
      slots.push_back(&outcome);
    }
  }
  CO_TRY_STATUS(co_await run(metadata, from, std::move(command), std::move(slots), until));
  co_return deleted;
}

task::Task<Result<std::vector<ItemOutcome>>> create_partitions(Metadata& metadata, shard::Shard& from,
                                                               std::vector<PartitionsRequest> topics,
                                                               bool validate_only, Deadline until) {
  const ImagePtr image = metadata.view(from).image();
  const auto counts = count_by(topics, [](const PartitionsRequest& topic) { return topic.name; });
  std::vector<ItemOutcome> outcomes(topics.size());
  CreatePartitions command;
  std::vector<ItemOutcome*> slots;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    const TopicPtr topic = image->find(topics[i].name);
    const std::int32_t total = topics[i].total;
    if (counts.at(topics[i].name) > 1) {
      outcomes[i] = named_twice(topics[i].name);
    } else if (!topic) {
      outcomes[i] = unknown_topic(topics[i].name);
    } else if (topic->internal()) {
      outcomes[i] = problem(ErrorCode::invalid_request, "Internal topics keep their number of partitions.");
    } else if (total <= topic->partition_count() || total > kTopicPartitionsMax) {
      outcomes[i] =
          problem(ErrorCode::invalid_partitions,
                  fmt::format("Topic '{}' has {} partitions; their number can only grow, up to {}, not to {}.",
                              topic->name, topic->partition_count(), kTopicPartitionsMax, total));
    } else if (!validate_only) {
      command.topics.push_back({topic->id, total});
      slots.push_back(&outcomes[i]);
    }
  }
  CO_TRY_STATUS(co_await run(metadata, from, std::move(command), std::move(slots), until));
  co_return outcomes;
}

task::Task<Result<std::vector<ItemOutcome>>> alter_topic_configs(Metadata& metadata, shard::Shard& from,
                                                                 std::vector<TopicConfigRequest> topics,
                                                                 bool validate_only, Deadline until) {
  const ImagePtr image = metadata.view(from).image();
  const BrokerConfig broker = metadata.view(from).broker();
  const auto counts = count_by(topics, [](const TopicConfigRequest& topic) { return topic.name; });
  std::vector<ItemOutcome> outcomes(topics.size());
  AlterTopicConfigs command;
  std::vector<ItemOutcome*> slots;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    const TopicPtr topic = image->find(topics[i].name);
    if (counts.at(topics[i].name) > 1) {
      outcomes[i] = named_twice(topics[i].name);
    } else if (!topic) {
      outcomes[i] = unknown_topic(topics[i].name);
    } else {
      outcomes[i] = check_topic_changes(broker, *topic, topics[i]);
    }
    if (!outcomes[i].ok() || validate_only) continue;
    command.topics.push_back({topic->id, topics[i].replace, std::move(topics[i].changes)});
    slots.push_back(&outcomes[i]);
  }
  CO_TRY_STATUS(co_await run(metadata, from, std::move(command), std::move(slots), until));
  co_return outcomes;
}

task::Task<Result<ItemOutcome>> alter_broker_configs(Metadata& metadata, shard::Shard& from, BrokerId broker_id,
                                                     bool replace, std::vector<ConfigChange> changes,
                                                     bool validate_only, Deadline until) {
  const ImagePtr image = metadata.view(from).image();
  const BrokerConfig broker = metadata.view(from).broker();
  if (broker_id != kEveryBroker && broker_id != broker.node_id) {
    co_return problem(ErrorCode::invalid_request,
                      fmt::format("This is broker {}, not {}.", broker.node_id.value(), broker_id.value()));
  }
  const ConfigMap& own = image->broker_configs(broker_id);
  const auto counts = count_by(changes, [](const ConfigChange& change) { return change.key; });
  for (ConfigChange& change : changes) {
    if (counts.at(change.key) > 1) co_return named_twice(change.key);
    const ConfigDefinition* const definition = find_broker_definition(change.key);
    const auto at = own.find(change.key);
    const auto inherited = broker.value(change.key);
    auto checked = check_change(change, definition, at == own.end() || replace ? nullptr : &at->second,
                                inherited ? inherited->text : std::string(),
                                [&](std::string_view value) { return check_dynamic(broker, change.key, value); });
    if (checked.ok() && !definition->dynamic) {
      checked = problem(ErrorCode::invalid_config, change.key + " cannot be changed while the broker runs");
    }
    if (!checked.ok()) co_return checked;
  }
  if (validate_only) co_return ItemOutcome{};
  ItemOutcome outcome;
  AlterBrokerConfigs command{broker_id, replace, std::move(changes)};
  CO_TRY_STATUS(co_await run(metadata, from, std::move(command), {&outcome}, until));
  co_return outcome;
}

}  // namespace chronik::meta
