// AddOffsetsToTxn: a transaction is about to commit offsets of a group, so it includes the group's partition of
// __consumer_offsets.
#include "coord/routing.h"
#include "meta/topic_name.h"
#include "server/handlers/common.h"
#include "server/handlers/handle_transactions.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {
constexpr std::int16_t kFencedSince = 2;
}

task::Task<wire::AddOffsetsToTxnResponse> handle_add_offsets_to_txn(RequestContext& context,
                                                                    wire::AddOffsetsToTxnRequest request) {
  ShardServer& server = context.server;
  wire::AddOffsetsToTxnResponse response;
  if (request.group_id.empty()) {
    response.error_code = wire::ErrorCode::invalid_group_id;
    co_return response;
  }
  const std::string offsets(meta::kOffsetsTopic);
  if (!server.view().image()->find(offsets)) {
    (void)co_await server.group_topics().create_offsets_topic(server.view().broker().offsets_topic_num_partitions,
                                                              server.context().after(kAdminDeadline));
  }
  const meta::TopicPtr topic = server.view().image()->find(offsets);
  if (!topic) {
    response.error_code = wire::ErrorCode::coordinator_not_available;
    co_return response;
  }
  coord::Enlistment enlistment;
  enlistment.transactional_id = std::move(request.transactional_id);
  enlistment.producer = {request.producer_id, request.producer_epoch};
  enlistment.partitions = {{offsets, coord::offsets_partition(request.group_id, topic->partition_count())}};
  response.error_code = for_version(co_await enlist(server, std::move(enlistment)), context.version(), kFencedSince);
  co_return response;
}

}  // namespace chronik::server
