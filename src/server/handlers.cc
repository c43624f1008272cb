#include "server/handlers.h"

#include "server/handlers/handle.h"
#include "server/handlers/handle_configs.h"
#include "server/handlers/handle_groups.h"
#include "server/handlers/handle_topics.h"
#include "server/handlers/handle_transactions.h"

namespace chronik::server {

namespace {

/// Decodes, serves, encodes: what all handlers share.
template <class Request, auto kServe>
task::Task<Result<std::vector<Buffer>>> run(RequestContext& context, const wire::RequestFrame& frame) {
  // Kafka ignores what follows a request's last field, and clients rely on it: librdkafka asks for all topics from
  // Metadata 9 on with a null array of four bytes instead of one (its issue 5049).
  auto request = wire::decode<Request>(frame.body, frame.header.version, {.trailing_bytes_allowed = true});
  if (!request) co_return std::unexpected(std::move(request).error());
  auto response = co_await kServe(context, *std::move(request));
  if constexpr (std::is_same_v<Request, wire::ProduceRequest>) {
    if (!response) co_return std::vector<Buffer>{};
    co_return wire::encode_response(frame.header.correlation_id, *response, frame.header.version);
  } else {
    co_return wire::encode_response(frame.header.correlation_id, response, frame.header.version);
  }
}

template <class Request, auto kServe>
void add(Handlers& table) {
  table.serve<Request>(&run<Request, kServe>);
}

Handlers build() {
  Handlers table;
  add<wire::ProduceRequest, handle_produce>(table);
  add<wire::FetchRequest, handle_fetch>(table);
  add<wire::ListOffsetsRequest, handle_list_offsets>(table);
  add<wire::MetadataRequest, handle_metadata>(table);
  add<wire::ApiVersionsRequest, handle_api_versions>(table);

  add<wire::CreateTopicsRequest, handle_create_topics>(table);
  add<wire::DeleteTopicsRequest, handle_delete_topics>(table);
  add<wire::CreatePartitionsRequest, handle_create_partitions>(table);
  add<wire::DeleteRecordsRequest, handle_delete_records>(table);
  add<wire::OffsetForLeaderEpochRequest, handle_offset_for_leader_epoch>(table);
  add<wire::DescribeLogDirsRequest, handle_describe_log_dirs>(table);
  add<wire::DescribeTopicPartitionsRequest, handle_describe_topic_partitions>(table);
  add<wire::DescribeClusterRequest, handle_describe_cluster>(table);

  add<wire::DescribeConfigsRequest, handle_describe_configs>(table);
  add<wire::AlterConfigsRequest, handle_alter_configs>(table);
  add<wire::IncrementalAlterConfigsRequest, handle_incremental_alter_configs>(table);

  add<wire::FindCoordinatorRequest, handle_find_coordinator>(table);
  add<wire::JoinGroupRequest, handle_join_group>(table);
  add<wire::SyncGroupRequest, handle_sync_group>(table);
  add<wire::HeartbeatRequest, handle_heartbeat>(table);
  add<wire::LeaveGroupRequest, handle_leave_group>(table);
  add<wire::ConsumerGroupHeartbeatRequest, handle_consumer_group_heartbeat>(table);
  add<wire::ConsumerGroupDescribeRequest, handle_consumer_group_describe>(table);
  add<wire::OffsetCommitRequest, handle_offset_commit>(table);
  add<wire::OffsetFetchRequest, handle_offset_fetch>(table);
  add<wire::OffsetDeleteRequest, handle_offset_delete>(table);
  add<wire::DescribeGroupsRequest, handle_describe_groups>(table);
  add<wire::ListGroupsRequest, handle_list_groups>(table);
  add<wire::DeleteGroupsRequest, handle_delete_groups>(table);

  add<wire::InitProducerIdRequest, handle_init_producer_id>(table);
  add<wire::AddPartitionsToTxnRequest, handle_add_partitions_to_txn>(table);
  add<wire::AddOffsetsToTxnRequest, handle_add_offsets_to_txn>(table);
  add<wire::EndTxnRequest, handle_end_txn>(table);
  add<wire::TxnOffsetCommitRequest, handle_txn_offset_commit>(table);
  add<wire::DescribeProducersRequest, handle_describe_producers>(table);
  add<wire::DescribeTransactionsRequest, handle_describe_transactions>(table);
  add<wire::ListTransactionsRequest, handle_list_transactions>(table);
  return table;
}

}  // namespace

const Handlers& all_handlers() {
  static const Handlers table = build();
  return table;
}

Result<std::vector<Buffer>> unknown_api_versions(std::int32_t correlation_id) {
  wire::ApiVersionsResponse response;
  response.error_code = wire::ErrorCode::unsupported_version;
  response.api_keys = all_handlers().advertised();
  return wire::encode_response(correlation_id, response, 0);
}

}  // namespace chronik::server
