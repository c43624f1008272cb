// OffsetCommit, OffsetFetch, OffsetDelete.
#include <algorithm>

#include "coord/coord.h"
#include "coord/core.h"
#include "coord/offset_checks.h"
#include "coord/utf16.h"
#include "coord/write_errors.h"

namespace chronik::coord {

ErrorCode check_offset(Core& core, const std::optional<TopicInfo>& topic, bool by_id, PartitionIndex partition,
                       const std::optional<std::string>& metadata) {
  if (!topic) return by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
  if (partition.value() < 0 || partition.value() >= topic->partitions) return ErrorCode::unknown_topic_or_partition;
  const auto metadata_max = static_cast<std::size_t>(std::max(core.config().offset_metadata_max_bytes, 0));
  if (metadata && metadata->size() > metadata_max && utf16_length(*metadata) > metadata_max) {
    return ErrorCode::offset_metadata_too_large;
  }
  return ErrorCode::none;
}

std::size_t bytes_of(const std::string& group, const std::vector<Core::NewOffset>& offsets) {
  std::size_t bytes = 0;
  for (const auto& item : offsets) {
    bytes += kRecordOverhead + sizeof(CommittedOffset) + group.size() + item.topic.size() + item.offset.metadata.size();
  }
  return bytes;
}

task::Task<ErrorCode> room_for_offsets(std::shared_ptr<Core> core, std::string group, std::size_t bytes,
                                       Deadline until) {
  if (const ErrorCode error = core->status(group); error != ErrorCode::none) co_return error;
  if (!core->has_memory(bytes)) co_return ErrorCode::coordinator_not_available;
  const ErrorCode room = co_await Journal::room(core->log_of(group), bytes, until);
  co_return room == ErrorCode::none ? ErrorCode::none : commit_error(room);
}

namespace {

constexpr std::int16_t kTopicIdsSince = 10;        // OffsetCommit and OffsetFetch name topics by id
constexpr std::int16_t kGroupIdNotFoundSince = 9;  // OffsetCommit: before, ILLEGAL_GENERATION
constexpr std::int16_t kGroupsSince = 8;           // OffsetFetch asks for several groups
constexpr std::int16_t kTopLevelErrorSince = 2;    // OffsetFetch

/// The answer's shape, with what is wrong whatever the group says; and what may be committed.
wire::OffsetCommitResponse check_topics(Core& core, const wire::OffsetCommitRequest& request, std::int16_t version,
                                        std::vector<Core::NewOffset>& valid) {
  wire::OffsetCommitResponse response;
  const UnixMillis now = core.context().wall_now();
  for (const auto& topic : request.topics) {
    const auto known = version >= kTopicIdsSince ? core.topics().find(topic.topic_id) : core.topics().find(topic.name);
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    answer.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      const ErrorCode error =
          check_offset(core, known, version >= kTopicIdsSince, partition.partition_index, partition.committed_metadata);
      answer.partitions.push_back({partition.partition_index, error});
      if (error != ErrorCode::none) continue;
      CommittedOffset offset{.offset = partition.committed_offset,
                             .leader_epoch = partition.committed_leader_epoch,
                             .metadata = partition.committed_metadata.value_or(""),
                             .committed_at = now,
                             .topic_id = known->id,
                             .position = Offset(-1)};
      if (request.retention_time_ms != -1) offset.expires_at = UnixMillis(now.value() + request.retention_time_ms);
      valid.push_back({known->name, partition.partition_index, std::move(offset)});
    }
  }
  return response;
}

/// KIP-1251: of a member that lags behind its epoch only what it has had since then is taken.
void refuse_lagging(const Entry& entry, const wire::OffsetCommitRequest& request, wire::OffsetCommitResponse& response,
                    std::vector<Core::NewOffset>& offsets) {
  if (!entry.consumer) return;
  auto item = offsets.begin();
  for (auto& topic : response.topics) {
    for (auto& partition : topic.partitions) {
      if (partition.error_code != ErrorCode::none) continue;
      if (entry.consumer->may_commit(request.member_id, request.generation_id_or_member_epoch, item->offset.topic_id,
                                     item->partition)) {
        ++item;
        continue;
      }
      partition.error_code = ErrorCode::stale_member_epoch;
      item = offsets.erase(item);
    }
  }
}

/// The group that a commit goes to, when it may.
std::expected<Entry*, ErrorCode> admit(Core& core, const wire::OffsetCommitRequest& request, std::int16_t version) {
  if (const ErrorCode error = core.status(request.group_id); error != ErrorCode::none) return std::unexpected(error);
  Entry* entry = core.find(request.group_id);
  const std::int32_t generation = request.generation_id_or_member_epoch;
  if (entry == nullptr) {
    // Without a generation: a consumer that only stores offsets here.
    if (generation >= 0) {
      return std::unexpected(version >= kGroupIdNotFoundSince ? ErrorCode::group_id_not_found
                                                              : ErrorCode::illegal_generation);
    }
    entry = core.create(request.group_id);
    if (entry == nullptr) return std::unexpected(ErrorCode::coordinator_not_available);
  }
  const ErrorCode error = entry->group.state() == GroupState::dead ? ErrorCode::coordinator_not_available
                          : entry->consumer ? entry->consumer->validate_commit(request.member_id, generation, version)
                                            : entry->group.commit_offsets(request.member_id, request.group_instance_id,
                                                                          generation, core.clock());
  if (error != ErrorCode::none) return std::unexpected(error);
  return entry;
}

}  // namespace

task::Task<wire::OffsetCommitResponse> GroupCoordinator::offset_commit(wire::OffsetCommitRequest request,
                                                                       RequestContext context) {
  const auto core = core_;
  std::vector<Core::NewOffset> offsets;
  wire::OffsetCommitResponse response = check_topics(*core, request, context.api_version, offsets);
  if (offsets.empty()) co_return response;
  const Deadline until = std::min(context.deadline, core->context().after(core->config().offset_commit_timeout));

  ErrorCode error = co_await room_for_offsets(core, request.group_id, bytes_of(request.group_id, offsets), until);
  if (error != ErrorCode::none) co_return set_all(response, error), response;
  const auto entry = admit(*core, request, context.api_version);
  if (!entry) co_return set_all(response, entry.error()), response;
  refuse_lagging(**entry, request, response, offsets);
  if (offsets.empty()) co_return response;
  auto written = core->commit(**entry, std::move(offsets));
  core->update(**entry, {});
  if (!written) co_return set_all(response, written.error()), response;
  error = co_await Journal::settled(*std::move(written), until);
  if (error != ErrorCode::none) set_all(response, commit_error(error));
  co_return response;
}

namespace {

wire::OffsetFetchResponse::Partition fetched(const CommittedOffset* offset, PartitionIndex partition) {
  wire::OffsetFetchResponse::Partition answer;
  answer.partition_index = partition;
  answer.metadata = "";
  if (offset == nullptr) return answer;
  answer.committed_offset = offset->offset;
  answer.committed_leader_epoch = offset->leader_epoch;
  answer.metadata = offset->metadata;
  return answer;
}

/// Of the topic's present incarnation: an offset of one that was deleted is none.
const CommittedOffset* current(const CommittedOffset* offset, const std::optional<TopicInfo>& topic) {
  if (offset == nullptr || offset->topic_id.is_zero() || !topic) return offset;
  return offset->topic_id == topic->id ? offset : nullptr;
}

/// Without a stable offset the reader asks again: an open transaction is about to move it (KIP-447).
wire::OffsetFetchResponse::Partition unstable(PartitionIndex partition) {
  auto answer = fetched(nullptr, partition);
  answer.error_code = ErrorCode::unstable_offset_commit;
  return answer;
}

wire::OffsetFetchResponse::GroupTopic fetch_topic(Core& core, const Entry* entry,
                                                  const wire::OffsetFetchRequest::GroupTopic& topic, bool stable,
                                                  std::int16_t version) {
  wire::OffsetFetchResponse::GroupTopic answer;
  answer.name = topic.name;
  answer.topic_id = topic.topic_id;
  const bool by_id = version >= kTopicIdsSince;
  const auto known = by_id ? core.topics().find(topic.topic_id) : core.topics().find(topic.name);
  for (const PartitionIndex partition : topic.partition_indexes) {
    if (by_id && !known) {
      answer.partitions.push_back(fetched(nullptr, partition));
      answer.partitions.back().error_code = ErrorCode::unknown_topic_id;
      continue;
    }
    const std::string& name = known ? known->name : topic.name;
    if (stable && entry != nullptr && entry->pending.covers(name, partition)) {
      answer.partitions.push_back(unstable(partition));
      continue;
    }
    const CommittedOffset* const found = entry == nullptr ? nullptr : entry->offsets.find(name, partition);
    answer.partitions.push_back(fetched(current(found, known), partition));
  }
  return answer;
}

wire::OffsetFetchResponse::Group fetch_group(Core& core, const wire::OffsetFetchRequest::Group& group, bool stable,
                                             std::int16_t version) {
  wire::OffsetFetchResponse::Group answer;
  answer.group_id = group.group_id;
  answer.error_code = core.status(group.group_id);
  if (answer.error_code != ErrorCode::none) return answer;
  const Entry* const entry = core.find(group.group_id);
  if (entry != nullptr && entry->consumer) {
    answer.error_code = entry->consumer->validate_fetch(group.member_id, group.member_epoch);
    if (answer.error_code != ErrorCode::none) return answer;
  }
  if (group.topics) {
    for (const auto& topic : *group.topics) answer.topics.push_back(fetch_topic(core, entry, topic, stable, version));
    return answer;
  }
  if (entry == nullptr) return answer;
  for (const auto& [name, partitions] : entry->offsets.topics()) {
    const auto known = core.topics().find(name);
    if (!known && version >= kTopicIdsSince) continue;
    wire::OffsetFetchResponse::GroupTopic topic;
    topic.name = name;
    if (known) topic.topic_id = known->id;
    for (const auto& [partition, offset] : partitions) {
      if (stable && entry->pending.covers(name, partition)) {
        topic.partitions.push_back(unstable(partition));
        continue;
      }
      if (current(&offset, known) != nullptr) topic.partitions.push_back(fetched(&offset, partition));
    }
    if (!topic.partitions.empty()) answer.topics.push_back(std::move(topic));
  }
  return answer;
}

}  // namespace

wire::OffsetFetchResponse GroupCoordinator::offset_fetch(const wire::OffsetFetchRequest& request,
                                                         const RequestContext& context) {
  wire::OffsetFetchResponse response;
  if (context.api_version >= kGroupsSince) {
    for (const auto& group : request.groups) {
      response.groups.push_back(fetch_group(*core_, group, request.require_stable, context.api_version));
    }
    return response;
  }
  wire::OffsetFetchRequest::Group group;
  group.group_id = request.group_id;
  if (request.topics) {
    group.topics.emplace();
    for (const auto& topic : *request.topics) group.topics->push_back({topic.name, {}, topic.partition_indexes});
  }
  auto answer = fetch_group(*core_, group, request.require_stable, context.api_version);
  response.error_code = answer.error_code;
  for (auto& topic : answer.topics) response.topics.push_back({std::move(topic.name), std::move(topic.partitions)});
  if (answer.error_code == ErrorCode::none || context.api_version >= kTopLevelErrorSince || !request.topics) {
    return response;
  }
  for (const auto& topic : *request.topics) {
    auto& failed = response.topics.emplace_back();
    failed.name = topic.name;
    for (const PartitionIndex partition : topic.partition_indexes) {
      failed.partitions.push_back(fetched(nullptr, partition));
      failed.partitions.back().error_code = answer.error_code;
    }
  }
  return response;
}

task::Task<wire::OffsetDeleteResponse> GroupCoordinator::offset_delete(wire::OffsetDeleteRequest request,
                                                                       RequestContext context) {
  const auto core = core_;
  wire::OffsetDeleteResponse response;
  response.error_code = request.group_id.empty() ? ErrorCode::invalid_group_id : core->status(request.group_id);
  if (response.error_code != ErrorCode::none) co_return response;
  const Entry* const entry = core->find(request.group_id);
  if (entry == nullptr || entry->group.state() == GroupState::dead) {
    response.error_code = ErrorCode::group_id_not_found;
  } else if (!entry->consumer && entry->has_members() && !entry->group.uses_consumer_protocol()) {
    // What members of other protocols read is not known.
    response.error_code = ErrorCode::non_empty_group;
  }
  if (response.error_code != ErrorCode::none) co_return response;

  Core::OffsetNames names;
  for (const auto& topic : request.topics) {
    const auto known = core->topics().find(topic.name);
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (const auto& partition : topic.partitions) {
      const std::int32_t index = partition.partition_index.value();
      ErrorCode error = ErrorCode::none;
      if (!known || index < 0 || index >= known->partitions) {
        error = ErrorCode::unknown_topic_or_partition;
      } else if (entry->consumer ? entry->consumer->is_subscribed_to(topic.name)
                                 : entry->group.is_subscribed_to(topic.name)) {
        error = ErrorCode::group_subscribed_to_topic;
      } else if (entry->offsets.find(topic.name, partition.partition_index) != nullptr) {
        names.emplace_back(topic.name, partition.partition_index);
      }
      answer.partitions.push_back({partition.partition_index, error});
    }
  }
  if (names.empty()) co_return response;
  const Deadline until = std::min(context.deadline, core->context().after(core->config().offset_commit_timeout));
  response.error_code = co_await Core::erase(core, request.group_id, std::move(names), false, until);
  if (response.error_code != ErrorCode::none) response.topics.clear();
  co_return response;
}

}  // namespace chronik::coord
