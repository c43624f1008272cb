// chronik group: list, describe, delete, reset.
#include <charconv>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/table.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/metadata.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_fetch.h"
#include "wire/records/consumer_protocol.h"
#include "wire/records/versioned.h"

namespace chronik::cli {

using nlohmann::ordered_json;

namespace {

// The last versions that name topics instead of giving their ids.
constexpr std::int16_t kOffsetFetchByName = 9;
constexpr std::int16_t kOffsetCommitByName = 9;

using Place = std::pair<std::string, std::int32_t>;  // topic, partition

void print(const ordered_json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
}

task::Task<Status> list(Session& session) {
  CO_TRY(const auto response, co_await session.call(wire::ListGroupsRequest{}));
  CO_TRY_STATUS(broker_status(response.error_code, "groups"));
  Table table({"GROUP", "STATE", "PROTOCOL"});
  ordered_json json = ordered_json::array();
  for (const auto& group : response.groups) {
    table.add({group.group_id, group.group_state, group.protocol_type});
    json.push_back({{"group", group.group_id}, {"state", group.group_state}, {"protocol", group.protocol_type}});
  }
  if (session.common.json) {
    print(json);
  } else {
    std::printf("%s", table.text().c_str());
  }
  co_return Status{};
}

task::Task<Result<wire::DescribeGroupsResponse::Group>> fetch_group(Session& session, std::string name) {
  wire::DescribeGroupsRequest request;
  request.groups.push_back(name);
  CO_TRY(auto response, co_await session.call(std::move(request)));
  auto& group = response.groups.front();
  CO_TRY_STATUS(broker_status(group.error_code, "group " + name, group.error_message));
  co_return std::move(group);
}

task::Task<Result<std::map<Place, std::int64_t>>> committed_offsets(Session& session, std::string name) {
  wire::OffsetFetchRequest request;
  request.groups.emplace_back().group_id = name;
  CO_TRY(const auto response, co_await session.connection->call(std::move(request), session.until, kOffsetFetchByName));
  std::map<Place, std::int64_t> offsets;
  const auto& group = response.groups.front();
  CO_TRY_STATUS(broker_status(group.error_code, "group " + name));
  for (const auto& topic : group.topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.committed_offset.value() >= 0) {
        offsets[{topic.name, partition.partition_index.value()}] = partition.committed_offset.value();
      }
    }
  }
  co_return offsets;
}

/// Offsets by ListOffsets; where a timestamp finds nothing, the end.
task::Task<Result<std::map<Place, std::int64_t>>> listed_offsets(Session& session, std::vector<Place> places,
                                                                 UnixMillis at) {
  wire::ListOffsetsRequest request;
  request.replica_id = BrokerId(-1);
  for (const auto& [topic, partition] : places) {
    if (request.topics.empty() || request.topics.back().name != topic) request.topics.emplace_back().name = topic;
    auto& asked = request.topics.back().partitions.emplace_back();
    asked.partition_index = PartitionIndex(partition);
    asked.timestamp = at;
  }
  CO_TRY(const auto response, co_await session.call(std::move(request)));
  std::map<Place, std::int64_t> offsets;
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code == wire::ErrorCode::none) {
        offsets[{topic.name, partition.partition_index.value()}] = partition.offset.value();
      }
    }
  }
  co_return offsets;
}

std::map<Place, std::string> owners(const wire::DescribeGroupsResponse::Group& group) {
  std::map<Place, std::string> found;
  for (const auto& member : group.members) {
    const auto assignment = wire::decode_versioned_or_newer<wire::ConsumerProtocolAssignment>(member.member_assignment);
    if (!assignment) continue;
    for (const auto& topic : assignment->assigned_partitions) {
      for (const auto partition : topic.partitions) {
        found[{topic.topic, partition.value()}] = member.client_id + " (" + member.client_host + ")";
      }
    }
  }
  return found;
}

task::Task<Status> describe(Session& session, std::string name) {
  CO_TRY(const auto group, co_await fetch_group(session, name));
  CO_TRY(const auto committed, co_await committed_offsets(session, name));
  const auto owned = owners(group);
  std::map<Place, std::string> all = owned;
  for (const auto& [place, offset] : committed) all.try_emplace(place, "");
  std::vector<Place> places;
  for (const auto& [place, owner] : all) places.push_back(place);
  CO_TRY(const auto ends, co_await listed_offsets(session, places, wire::kLatestTimestamp));
  Table table({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER"});
  ordered_json rows = ordered_json::array();
  for (const auto& [place, owner] : all) {
    const auto offset = committed.find(place);
    const auto end = ends.find(place);
    const bool known = offset != committed.end() && end != ends.end();
    const auto text = [](auto at, auto none) { return at == none ? std::string("-") : std::to_string(at->second); };
    table.add({place.first, std::to_string(place.second), text(offset, committed.end()), text(end, ends.end()),
               known ? std::to_string(end->second - offset->second) : "-", owner.empty() ? "-" : owner});
    ordered_json row{{"topic", place.first}, {"partition", place.second}, {"member", owner}};
    if (offset != committed.end()) row["committed"] = offset->second;
    if (end != ends.end()) row["end"] = end->second;
    if (known) row["lag"] = end->second - offset->second;
    rows.push_back(std::move(row));
  }
  if (session.common.json) {
    print({{"group", name},
           {"state", group.group_state},
           {"protocol", group.protocol_data},
           {"members", group.members.size()},
           {"partitions", std::move(rows)}});
  } else {
    std::printf("%s: %s, %zu member(s), assignor %s\n", name.c_str(), group.group_state.c_str(), group.members.size(),
                group.protocol_data.empty() ? "-" : group.protocol_data.c_str());
    std::printf("%s", table.text().c_str());
  }
  co_return Status{};
}

task::Task<Status> remove(Session& session, std::string name) {
  wire::DeleteGroupsRequest request;
  request.groups_names.push_back(name);
  CO_TRY(const auto response, co_await session.call(std::move(request)));
  const auto& answer = response.results.front();
  CO_TRY_STATUS(broker_status(answer.error_code, "group " + name, answer.error_message));
  if (session.common.json) {
    print({{"deleted", name}});
  } else {
    std::printf("deleted %s\n", name.c_str());
  }
  co_return Status{};
}

Result<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
    return fail(Errc::invalid_argument, "'" + text + "' is not earliest, latest, an offset or @milliseconds");
  }
  return value;
}

/// Where each partition is to go; offsets outside the log are brought to its ends.
task::Task<Result<std::map<Place, std::int64_t>>> targets(Session& session, GroupReset options) {
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  request.topics.emplace().emplace_back().name = options.topic;
  CO_TRY(const auto about, co_await session.call(std::move(request)));
  CO_TRY_STATUS(broker_status(about.topics.front().error_code, "topic " + options.topic));
  std::vector<Place> places;
  for (const auto& partition : about.topics.front().partitions) {
    if (options.partition < 0 || options.partition == partition.partition_index.value()) {
      places.emplace_back(options.topic, partition.partition_index.value());
    }
  }
  if (places.empty())
    co_return fail(Errc::invalid_argument,
                   "topic " + options.topic + " has no partition " + std::to_string(options.partition));
  CO_TRY(const auto first, co_await listed_offsets(session, places, wire::kEarliestTimestamp));
  CO_TRY(const auto last, co_await listed_offsets(session, places, wire::kLatestTimestamp));
  if (options.to == "earliest") co_return first;
  if (options.to == "latest") co_return last;
  std::map<Place, std::int64_t> wanted;
  if (options.to.starts_with('@')) {
    CO_TRY(const std::int64_t at, number(options.to.substr(1)));
    CO_TRY(wanted, co_await listed_offsets(session, places, UnixMillis(at)));
  } else {
    CO_TRY(const std::int64_t offset, number(options.to));
    for (const Place& place : places) wanted[place] = offset;
  }
  for (auto& [place, offset] : wanted) {
    if (offset < 0) offset = last.at(place);
    offset = std::clamp(offset, first.at(place), last.at(place));
  }
  co_return wanted;
}

task::Task<Status> reset(Session& session, GroupReset options) {
  CO_TRY(const auto group, co_await fetch_group(session, options.group));
  if (!group.members.empty()) {
    co_return fail(Errc::invalid_argument, "group " + options.group + " has " + std::to_string(group.members.size()) +
                                               " active member(s): stop them before its offsets are moved");
  }
  CO_TRY(const auto to, co_await targets(session, options));
  CO_TRY(const auto from, co_await committed_offsets(session, options.group));
  if (options.execute) {
    wire::OffsetCommitRequest request;
    request.group_id = options.group;
    auto& topic = request.topics.emplace_back();
    topic.name = options.topic;
    for (const auto& [place, offset] : to) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = PartitionIndex(place.second);
      partition.committed_offset = Offset(offset);
    }
    CO_TRY(const auto response,
           co_await session.connection->call(std::move(request), session.until, kOffsetCommitByName));
    for (const auto& partition : response.topics.front().partitions) {
      CO_TRY_STATUS(
          broker_status(partition.error_code, options.topic + "-" + std::to_string(partition.partition_index.value())));
    }
  }
  Table table({"TOPIC", "PARTITION", "FROM", "TO"});
  ordered_json rows = ordered_json::array();
  for (const auto& [place, offset] : to) {
    const auto old = from.find(place);
    table.add({place.first, std::to_string(place.second), old == from.end() ? "-" : std::to_string(old->second),
               std::to_string(offset)});
    rows.push_back({{"topic", place.first}, {"partition", place.second}, {"to", offset}});
  }
  if (session.common.json) {
    print({{"group", options.group}, {"executed", options.execute}, {"partitions", std::move(rows)}});
  } else {
    std::printf("%s%s", table.text().c_str(), options.execute ? "" : "nothing was changed: add --execute to do it\n");
  }
  co_return Status{};
}

}  // namespace

Status group_list(const Common& common) {
  return with_session(common, [](Session& session) { return list(session); });
}
Status group_describe(const Common& common, const std::string& group) {
  return with_session(common, [&](Session& session) { return describe(session, group); });
}
Status group_delete(const Common& common, const std::string& group) {
  return with_session(common, [&](Session& session) { return remove(session, group); });
}
Status group_reset(const Common& common, const GroupReset& options) {
  return with_session(common, [&](Session& session) { return reset(session, options); });
}

}  // namespace chronik::cli
