// chronik topic: create, list, describe, delete, config.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/table.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/incremental_alter_configs.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/metadata.h"

namespace chronik::cli {

using nlohmann::ordered_json;

Result<std::pair<std::string, std::string>> split_setting(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(Errc::invalid_argument, "'" + text + "' is not key=value");
  return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

namespace {

void print(const ordered_json& json) {
  std::printf("%s\n", json.dump(2).c_str());
}

task::Task<Status> create(Session& session, TopicCreate options) {
  wire::CreateTopicsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(session.common.timeout_s * 1000);
  auto& topic = request.topics.emplace_back();
  topic.name = options.name;
  topic.num_partitions = options.partitions;
  topic.replication_factor = -1;
  for (const std::string& setting : options.configs) {
    CO_TRY(auto pair, split_setting(setting));
    auto& config = topic.configs.emplace_back();
    config.name = pair.first;
    config.value = pair.second;
  }
  CO_TRY(const auto response, co_await session.call(std::move(request)));
  const auto& answer = response.topics.front();
  CO_TRY_STATUS(broker_status(answer.error_code, "topic " + options.name, answer.error_message));
  if (session.common.json) {
    print({{"topic", answer.name}, {"id", answer.topic_id.to_string()}, {"partitions", answer.num_partitions}});
  } else {
    std::printf("created %s with %d partition(s)\n", answer.name.c_str(), answer.num_partitions);
  }
  co_return Status{};
}

task::Task<Result<wire::MetadataResponse>> metadata(Session& session, std::vector<std::string> names) {
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (!names.empty()) {
    request.topics.emplace();
    for (const std::string& name : names) request.topics->emplace_back().name = name;
  }
  return session.call(std::move(request));
}

task::Task<Status> list(Session& session) {
  CO_TRY(const auto response, co_await metadata(session, {}));
  Table table({"TOPIC", "PARTITIONS", "ID", "INTERNAL"});
  ordered_json json = ordered_json::array();
  for (const auto& topic : response.topics) {
    const std::string name = topic.name.value_or("");
    table.add(
        {name, std::to_string(topic.partitions.size()), topic.topic_id.to_string(), topic.is_internal ? "yes" : ""});
    json.push_back({{"topic", name},
                    {"partitions", topic.partitions.size()},
                    {"id", topic.topic_id.to_string()},
                    {"internal", topic.is_internal}});
  }
  if (session.common.json) {
    print(json);
  } else {
    std::printf("%s", table.text().c_str());
  }
  co_return Status{};
}

task::Task<Result<wire::ListOffsetsResponse>> offsets(Session& session, const wire::MetadataResponse& about,
                                                      UnixMillis at) {
  wire::ListOffsetsRequest request;
  request.replica_id = BrokerId(-1);
  for (const auto& topic : about.topics) {
    auto& asked = request.topics.emplace_back();
    asked.name = topic.name.value_or("");
    for (const auto& partition : topic.partitions) {
      auto& one = asked.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      one.timestamp = at;
    }
  }
  return session.call(std::move(request));
}

task::Task<Status> describe(Session& session, std::vector<std::string> names) {
  CO_TRY(const auto about, co_await metadata(session, names));
  for (const auto& topic : about.topics)
    CO_TRY_STATUS(broker_status(topic.error_code, "topic " + topic.name.value_or("?")));
  CO_TRY(const auto first, co_await offsets(session, about, wire::kEarliestTimestamp));
  CO_TRY(const auto last, co_await offsets(session, about, wire::kLatestTimestamp));
  Table table({"TOPIC", "PARTITION", "LEADER", "EPOCH", "START", "END", "RECORDS"});
  ordered_json json = ordered_json::array();
  for (std::size_t t = 0; t < about.topics.size(); ++t) {
    const auto& topic = about.topics[t];
    ordered_json partitions = ordered_json::array();
    for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
      const auto& partition = topic.partitions[p];
      const std::int64_t start = first.topics[t].partitions[p].offset.value();
      const std::int64_t end = last.topics[t].partitions[p].offset.value();
      table.add({topic.name.value_or(""), std::to_string(partition.partition_index.value()),
                 std::to_string(partition.leader_id.value()), std::to_string(partition.leader_epoch.value()),
                 std::to_string(start), std::to_string(end), std::to_string(end - start)});
      partitions.push_back({{"partition", partition.partition_index.value()},
                            {"leader", partition.leader_id.value()},
                            {"epoch", partition.leader_epoch.value()},
                            {"start", start},
                            {"end", end}});
    }
    json.push_back({{"topic", topic.name.value_or("")},
                    {"id", topic.topic_id.to_string()},
                    {"partitions", std::move(partitions)}});
  }
  if (session.common.json) {
    print(json);
  } else {
    std::printf("%s", table.text().c_str());
  }
  co_return Status{};
}

task::Task<Status> remove(Session& session, std::vector<std::string> names) {
  wire::DeleteTopicsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(session.common.timeout_s * 1000);
  for (const std::string& name : names) {
    request.topics.emplace_back().name = name;
    request.topic_names.push_back(name);
  }
  CO_TRY(const auto response, co_await session.call(std::move(request)));
  Status worst;
  ordered_json json = ordered_json::array();
  for (const auto& answer : response.responses) {
    const Status status = broker_status(answer.error_code, "topic " + answer.name.value_or("?"), answer.error_message);
    if (!status) {
      worst = status;
      continue;
    }
    json.push_back(answer.name.value_or(""));
    if (!session.common.json) std::printf("deleted %s\n", answer.name.value_or("").c_str());
  }
  if (session.common.json) print({{"deleted", std::move(json)}});
  co_return worst;
}

task::Task<Status> show_config(Session& session, std::string name) {
  wire::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = wire::ConfigResourceType::topic;
  resource.resource_name = name;
  CO_TRY(const auto response, co_await session.call(std::move(request)));
  const auto& answer = response.results.front();
  CO_TRY_STATUS(broker_status(answer.error_code, "topic " + name, answer.error_message));
  Table table({"KEY", "VALUE", "SET HERE"});
  ordered_json json = ordered_json::object();
  for (const auto& config : answer.configs) {
    const bool here = config.config_source == wire::ConfigSource::dynamic_topic;
    table.add({config.name, config.value.value_or(""), here ? "yes" : ""});
    json[config.name] = {{"value", config.value.value_or("")}, {"set", here}};
  }
  if (session.common.json) {
    print(json);
  } else {
    std::printf("%s", table.text().c_str());
  }
  co_return Status{};
}

task::Task<Status> change_config(Session& session, TopicConfig options) {
  wire::IncrementalAlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = wire::ConfigResourceType::topic;
  resource.resource_name = options.name;
  for (const std::string& setting : options.set) {
    CO_TRY(auto pair, split_setting(setting));
    auto& config = resource.configs.emplace_back();
    config.name = pair.first;
    config.config_operation = wire::ConfigOperation::set;
    config.value = pair.second;
  }
  for (const std::string& key : options.unset) {
    auto& config = resource.configs.emplace_back();
    config.name = key;
    config.config_operation = wire::ConfigOperation::remove;
  }
  CO_TRY(const auto response, co_await session.call(std::move(request)));
  const auto& answer = response.responses.front();
  CO_TRY_STATUS(broker_status(answer.error_code, "topic " + options.name, answer.error_message));
  if (session.common.json) {
    print({{"changed", options.name}});
  } else {
    std::printf("changed %s\n", options.name.c_str());
  }
  co_return Status{};
}

}  // namespace

Status topic_create(const Common& common, const TopicCreate& options) {
  return with_session(common, [&](Session& session) { return create(session, options); });
}
Status topic_list(const Common& common) {
  return with_session(common, [](Session& session) { return list(session); });
}
Status topic_describe(const Common& common, const std::vector<std::string>& names) {
  return with_session(common, [&](Session& session) { return describe(session, names); });
}
Status topic_delete(const Common& common, const std::vector<std::string>& names) {
  return with_session(common, [&](Session& session) { return remove(session, names); });
}
Status topic_config(const Common& common, const TopicConfig& options) {
  return with_session(common, [&](Session& session) {
    const bool change = !options.set.empty() || !options.unset.empty();
    return change ? change_config(session, options) : show_config(session, options.name);
  });
}

}  // namespace chronik::cli
