// Which partition of __consumer_offsets, and so which shard, a group belongs to; and the splitting of requests that
// name several groups. Pure functions; any shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

#include "base/ids.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/offset_fetch.h"

namespace chronik::coord {

/// Java's String.hashCode of the UTF-8 text (over UTF-16 code units): what Kafka places groups by.
std::int32_t java_hash(std::string_view text);

/// Kafka's Utils.abs(group.hashCode()) % partitions; partitions > 0.
PartitionIndex offsets_partition(std::string_view group, std::int32_t partitions);

/// Gives the shard of a group; the server makes one from the partition count of __consumer_offsets and its own
/// placement of partitions.
using GroupOwner = std::function<ShardId(std::string_view group)>;
GroupOwner group_owner(std::int32_t partitions, std::function<ShardId(PartitionIndex)> shard_of);

// A request for each shard that has a part in it. Give the answers back in any order.
std::map<ShardId, wire::OffsetFetchRequest> split(const wire::OffsetFetchRequest& request, std::int16_t api_version,
                                                  const GroupOwner& owner);
std::map<ShardId, wire::DescribeGroupsRequest> split(const wire::DescribeGroupsRequest& request,
                                                     const GroupOwner& owner);
std::map<ShardId, wire::ConsumerGroupDescribeRequest> split(const wire::ConsumerGroupDescribeRequest& request,
                                                            const GroupOwner& owner);
std::map<ShardId, wire::DeleteGroupsRequest> split(const wire::DeleteGroupsRequest& request, const GroupOwner& owner);

// Adds one shard's answer to what there is. A top-level error stays unless another one is there already.
void merge(wire::OffsetFetchResponse& into, wire::OffsetFetchResponse part);
void merge(wire::DescribeGroupsResponse& into, wire::DescribeGroupsResponse part);
void merge(wire::ConsumerGroupDescribeResponse& into, wire::ConsumerGroupDescribeResponse part);
void merge(wire::DeleteGroupsResponse& into, wire::DeleteGroupsResponse part);
void merge(wire::ListGroupsResponse& into, wire::ListGroupsResponse part);

}  // namespace chronik::coord
