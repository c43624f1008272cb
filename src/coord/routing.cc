#include "coord/routing.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "coord/utf16.h"

namespace chronik::coord {

std::int32_t java_hash(std::string_view text) {
  std::uint32_t hash = 0;
  for_each_utf16(text, [&](std::uint16_t unit) { hash = hash * 31 + unit; });
  return static_cast<std::int32_t>(hash);
}

PartitionIndex offsets_partition(std::string_view group, std::int32_t partitions) {
  CHECK(partitions > 0);
  const std::int32_t hash = java_hash(group);
  // Kafka's Utils.abs: the one value without a positive counterpart becomes 0.
  const std::int32_t positive = hash == INT32_MIN ? 0 : std::abs(hash);
  return PartitionIndex(positive % partitions);
}

GroupOwner group_owner(std::int32_t partitions, std::function<ShardId(PartitionIndex)> shard_of) {
  return [partitions, shard_of = std::move(shard_of)](std::string_view group) {
    return shard_of(offsets_partition(group, partitions));
  };
}

std::map<ShardId, wire::OffsetFetchRequest> split(const wire::OffsetFetchRequest& request, std::int16_t api_version,
                                                  const GroupOwner& owner) {
  std::map<ShardId, wire::OffsetFetchRequest> parts;
  if (api_version < 8) {
    parts.emplace(owner(request.group_id), request);
    return parts;
  }
  for (const auto& group : request.groups) {
    wire::OffsetFetchRequest& part = parts[owner(group.group_id)];
    part.require_stable = request.require_stable;
    part.groups.push_back(group);
  }
  return parts;
}

std::map<ShardId, wire::DescribeGroupsRequest> split(const wire::DescribeGroupsRequest& request,
                                                     const GroupOwner& owner) {
  std::map<ShardId, wire::DescribeGroupsRequest> parts;
  for (const std::string& group : request.groups) {
    wire::DescribeGroupsRequest& part = parts[owner(group)];
    part.include_authorized_operations = request.include_authorized_operations;
    part.groups.push_back(group);
  }
  return parts;
}

std::map<ShardId, wire::ConsumerGroupDescribeRequest> split(const wire::ConsumerGroupDescribeRequest& request,
                                                            const GroupOwner& owner) {
  std::map<ShardId, wire::ConsumerGroupDescribeRequest> parts;
  for (const std::string& group : request.group_ids) parts[owner(group)].group_ids.push_back(group);
  return parts;
}

std::map<ShardId, wire::DeleteGroupsRequest> split(const wire::DeleteGroupsRequest& request, const GroupOwner& owner) {
  std::map<ShardId, wire::DeleteGroupsRequest> parts;
  for (const std::string& group : request.groups_names) parts[owner(group)].groups_names.push_back(group);
  return parts;
}

namespace {
template <class T>
void append(std::vector<T>& into, std::vector<T>& part) {
  into.insert(into.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
}
template <class Response>
void merge_error(Response& into, const Response& part) {
  if (into.error_code == wire::ErrorCode::none) into.error_code = part.error_code;
}
}  // namespace

void merge(wire::OffsetFetchResponse& into, wire::OffsetFetchResponse part) {
  merge_error(into, part);
  append(into.topics, part.topics);
  append(into.groups, part.groups);
}

void merge(wire::DescribeGroupsResponse& into, wire::DescribeGroupsResponse part) {
  append(into.groups, part.groups);
}

void merge(wire::ConsumerGroupDescribeResponse& into, wire::ConsumerGroupDescribeResponse part) {
  append(into.groups, part.groups);
}

void merge(wire::DeleteGroupsResponse& into, wire::DeleteGroupsResponse part) {
  append(into.results, part.results);
}

void merge(wire::ListGroupsResponse& into, wire::ListGroupsResponse part) {
  merge_error(into, part);
  append(into.groups, part.groups);
}

}  // namespace chronik::coord
