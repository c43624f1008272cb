// The list behind all_messages(): the one place that includes every message.
#include "wire/catalogue.h"

#include <array>

#include "base/check.h"
#include "wire/messages/add_offsets_to_txn.h"
#include "wire/messages/add_partitions_to_txn.h"
#include "wire/messages/alter_configs.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/consumer_group_heartbeat.h"
#include "wire/messages/create_partitions.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/delete_records.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/describe_cluster.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/describe_log_dirs.h"
#include "wire/messages/describe_producers.h"
#include "wire/messages/describe_topic_partitions.h"
#include "wire/messages/describe_transactions.h"
#include "wire/messages/end_txn.h"
#include "wire/messages/fetch.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/incremental_alter_configs.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/join_group.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/list_transactions.h"
#include "wire/messages/metadata.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_delete.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/offset_for_leader_epoch.h"
#include "wire/messages/produce.h"
#include "wire/messages/sync_group.h"
#include "wire/messages/txn_offset_commit.h"
#include "wire/records/consumer_group_records.h"
#include "wire/records/consumer_protocol.h"
#include "wire/records/group_records.h"
#include "wire/records/transaction_records.h"

namespace chronik::wire {
namespace {

template <class M>
Result<std::string> decode_to_text(const Buffer& body, std::int16_t version) {
  TRY(const M message, decode<M>(body, version));
  return to_text(message, version);
}

template <class M>
Result<Buffer> decode_and_encode(const Buffer& body, std::int16_t version) {
  TRY(const M message, decode<M>(body, version));
  TRY(const auto pieces, encode(message, version));
  CHECK(total_size(pieces) == encoded_size(message, version));
  return flatten(pieces);
}

template <class M>
Buffer encode_random(Prng& prng, std::int16_t version) {
  return flatten(encode(random_message<M>(prng, version), version).value());
}

template <class M>
constexpr MessageOps operations(MessageKind kind) {
  return {M::kSchema, kind, decode_to_text<M>, decode_and_encode<M>, encode_random<M>};
}

constexpr auto kMessages = std::to_array<MessageOps>({
    operations<ProduceRequest>(MessageKind::request),
    operations<ProduceResponse>(MessageKind::response),
    operations<FetchRequest>(MessageKind::request),
    operations<FetchResponse>(MessageKind::response),
    operations<ListOffsetsRequest>(MessageKind::request),
    operations<ListOffsetsResponse>(MessageKind::response),
    operations<MetadataRequest>(MessageKind::request),
    operations<MetadataResponse>(MessageKind::response),
    operations<OffsetCommitRequest>(MessageKind::request),
    operations<OffsetCommitResponse>(MessageKind::response),
    operations<OffsetFetchRequest>(MessageKind::request),
    operations<OffsetFetchResponse>(MessageKind::response),
    operations<FindCoordinatorRequest>(MessageKind::request),
    operations<FindCoordinatorResponse>(MessageKind::response),
    operations<JoinGroupRequest>(MessageKind::request),
    operations<JoinGroupResponse>(MessageKind::response),
    operations<HeartbeatRequest>(MessageKind::request),
    operations<HeartbeatResponse>(MessageKind::response),
    operations<LeaveGroupRequest>(MessageKind::request),
    operations<LeaveGroupResponse>(MessageKind::response),
    operations<SyncGroupRequest>(MessageKind::request),
    operations<SyncGroupResponse>(MessageKind::response),
    operations<DescribeGroupsRequest>(MessageKind::request),
    operations<DescribeGroupsResponse>(MessageKind::response),
    operations<ListGroupsRequest>(MessageKind::request),
    operations<ListGroupsResponse>(MessageKind::response),
    operations<ApiVersionsRequest>(MessageKind::request),
    operations<ApiVersionsResponse>(MessageKind::response),
    operations<CreateTopicsRequest>(MessageKind::request),
    operations<CreateTopicsResponse>(MessageKind::response),
    operations<DeleteTopicsRequest>(MessageKind::request),
    operations<DeleteTopicsResponse>(MessageKind::response),
    operations<DeleteRecordsRequest>(MessageKind::request),
    operations<DeleteRecordsResponse>(MessageKind::response),
    operations<InitProducerIdRequest>(MessageKind::request),
    operations<InitProducerIdResponse>(MessageKind::response),
    operations<OffsetForLeaderEpochRequest>(MessageKind::request),
    operations<OffsetForLeaderEpochResponse>(MessageKind::response),
    operations<AddPartitionsToTxnRequest>(MessageKind::request),
    operations<AddPartitionsToTxnResponse>(MessageKind::response),
    operations<AddOffsetsToTxnRequest>(MessageKind::request),
    operations<AddOffsetsToTxnResponse>(MessageKind::response),
    operations<EndTxnRequest>(MessageKind::request),
    operations<EndTxnResponse>(MessageKind::response),
    operations<TxnOffsetCommitRequest>(MessageKind::request),
    operations<TxnOffsetCommitResponse>(MessageKind::response),
    operations<DescribeConfigsRequest>(MessageKind::request),
    operations<DescribeConfigsResponse>(MessageKind::response),
    operations<AlterConfigsRequest>(MessageKind::request),
    operations<AlterConfigsResponse>(MessageKind::response),
    operations<DescribeLogDirsRequest>(MessageKind::request),
    operations<DescribeLogDirsResponse>(MessageKind::response),
    operations<CreatePartitionsRequest>(MessageKind::request),
    operations<CreatePartitionsResponse>(MessageKind::response),
    operations<DeleteGroupsRequest>(MessageKind::request),
    operations<DeleteGroupsResponse>(MessageKind::response),
    operations<IncrementalAlterConfigsRequest>(MessageKind::request),
    operations<IncrementalAlterConfigsResponse>(MessageKind::response),
    operations<OffsetDeleteRequest>(MessageKind::request),
    operations<OffsetDeleteResponse>(MessageKind::response),
    operations<DescribeClusterRequest>(MessageKind::request),
    operations<DescribeClusterResponse>(MessageKind::response),
    operations<DescribeProducersRequest>(MessageKind::request),
    operations<DescribeProducersResponse>(MessageKind::response),
    operations<DescribeTransactionsRequest>(MessageKind::request),
    operations<DescribeTransactionsResponse>(MessageKind::response),
    operations<ListTransactionsRequest>(MessageKind::request),
    operations<ListTransactionsResponse>(MessageKind::response),
    operations<ConsumerGroupHeartbeatRequest>(MessageKind::request),
    operations<ConsumerGroupHeartbeatResponse>(MessageKind::response),
    operations<ConsumerGroupDescribeRequest>(MessageKind::request),
    operations<ConsumerGroupDescribeResponse>(MessageKind::response),
    operations<DescribeTopicPartitionsRequest>(MessageKind::request),
    operations<DescribeTopicPartitionsResponse>(MessageKind::response),
    operations<ConsumerProtocolSubscription>(MessageKind::record),
    operations<ConsumerProtocolAssignment>(MessageKind::record),
    operations<OffsetCommitKey>(MessageKind::record),
    operations<OffsetCommitValue>(MessageKind::record),
    operations<GroupMetadataKey>(MessageKind::record),
    operations<GroupMetadataValue>(MessageKind::record),
    operations<TransactionLogKey>(MessageKind::record),
    operations<TransactionLogValue>(MessageKind::record),
    operations<ConsumerGroupMetadataKey>(MessageKind::record),
    operations<ConsumerGroupMetadataValue>(MessageKind::record),
    operations<ConsumerGroupPartitionMetadataKey>(MessageKind::record),
    operations<ConsumerGroupPartitionMetadataValue>(MessageKind::record),
    operations<ConsumerGroupMemberMetadataKey>(MessageKind::record),
    operations<ConsumerGroupMemberMetadataValue>(MessageKind::record),
    operations<ConsumerGroupTargetAssignmentMetadataKey>(MessageKind::record),
    operations<ConsumerGroupTargetAssignmentMetadataValue>(MessageKind::record),
    operations<ConsumerGroupTargetAssignmentMemberKey>(MessageKind::record),
    operations<ConsumerGroupTargetAssignmentMemberValue>(MessageKind::record),
    operations<ConsumerGroupCurrentMemberAssignmentKey>(MessageKind::record),
    operations<ConsumerGroupCurrentMemberAssignmentValue>(MessageKind::record),
    operations<ConsumerGroupRegularExpressionKey>(MessageKind::record),
    operations<ConsumerGroupRegularExpressionValue>(MessageKind::record),
});

consteval std::size_t count_of(ApiKey key, MessageKind kind) {
  std::size_t count = 0;
  for (const MessageOps& ops : kMessages) count += ops.schema.key == key && ops.kind == kind ? 1 : 0;
  return count;
}

// Every row of the API table has its two messages.
static_assert([] {
  for (const ApiInfo& api : kApis) {
    if (count_of(api.key, MessageKind::request) != 1 || count_of(api.key, MessageKind::response) != 1) return false;
  }
  return true;
}());

}  // namespace

std::span<const MessageOps> all_messages() {
  return kMessages;
}

const MessageOps* find_message(ApiKey key, MessageKind kind) {
  for (const MessageOps& ops : kMessages) {
    if (ops.schema.key == key && ops.kind == kind) return &ops;
  }
  return nullptr;
}

}  // namespace chronik::wire
