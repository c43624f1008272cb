// TxnOffsetCommit, in three steps: the group's shard says whether its partition is part of the transaction already,
// else the transaction's coordinator adds it (from version 5 on) or verifies it, then the offsets are written.
#include "coord/routing.h"
#include "meta/topic_name.h"
#include "server/handlers/handle_transactions.h"
#include "server/handlers/on_coordinator.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Request = wire::TxnOffsetCommitRequest;
using Response = wire::TxnOffsetCommitResponse;

constexpr std::int16_t kAddsSince = 5;       // KIP-890
constexpr std::int16_t kAbortableSince = 4;  // the same

Response refused(const Request& request, ErrorCode error) {
  Response response;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) answers.partitions.push_back({partition.partition_index, error});
  }
  return response;
}

task::Task<Result<std::optional<log::TransactionPass>>> begin(ShardServer& server, std::string group,
                                                              coord::ProducerIdentity producer) {
  co_return server.coordinator().begin_transactional_commit(group, producer);
}

task::Task<Result<Response>> commit(ShardServer& server, Request request, log::TransactionPass pass,
                                    coord::RequestContext who) {
  co_return co_await server.coordinator().txn_offset_commit(std::move(request), pass, std::move(who));
}

/// What the group's client is told of the transaction's coordinator's errors.
ErrorCode enlist_error(ErrorCode error, std::int16_t version) {
  switch (error) {
    case ErrorCode::producer_fenced:
      return ErrorCode::invalid_producer_epoch;
    case ErrorCode::transaction_abortable:
      return version < kAbortableSince ? ErrorCode::invalid_txn_state : error;
    case ErrorCode::not_coordinator:
    case ErrorCode::coordinator_not_available:
    case ErrorCode::concurrent_transactions:
      return ErrorCode::coordinator_load_in_progress;
    default:
      return error;
  }
}

task::Task<ErrorCode> include_group(RequestContext& context, const Request& request) {
  const meta::TopicPtr topic = context.server.view().image()->find(meta::kOffsetsTopic);
  if (!topic) co_return ErrorCode::coordinator_not_available;
  coord::Enlistment enlistment;
  enlistment.transactional_id = request.transactional_id;
  enlistment.producer = {request.producer_id, request.producer_epoch};
  enlistment.partitions = {
      {std::string(meta::kOffsetsTopic), coord::offsets_partition(request.group_id, topic->partition_count())}};
  enlistment.version_2 = context.version() >= kAddsSince;
  enlistment.verify_only = !enlistment.version_2;
  co_return enlist_error(co_await enlist(context.server, std::move(enlistment)), context.version());
}

}  // namespace

task::Task<Response> handle_txn_offset_commit(RequestContext& context, Request request) {
  ShardServer& server = context.server;
  Broker& broker = server.broker();
  if (request.group_id.empty()) co_return refused(request, ErrorCode::invalid_group_id);
  const ShardId owner = group_owner(server)(request.group_id);
  const Deadline until = server.context().after(kGroupDeadline + kReplySlack);
  auto asks = [&broker, group = request.group_id,
               producer = coord::ProducerIdentity{request.producer_id, request.producer_epoch}](
                  shard::Shard& shard) mutable { return begin(broker.at(shard.id()), std::move(group), producer); };
  const auto pass = co_await shard::call(server.shard(), broker.shards().at(owner), "txn_offset_commit.begin", until,
                                         std::move(asks));
  if (!pass) co_return refused(request, ErrorCode::coordinator_not_available);
  if (*pass) {
    const ErrorCode error = co_await include_group(context, request);
    if (error != ErrorCode::none) co_return refused(request, error);
  }
  Response otherwise = refused(request, ErrorCode::coordinator_not_available);
  auto body = [&broker, request = std::move(request), pass = (*pass).value_or(log::kNoPass),
               who = asking(context, kGroupDeadline)](shard::Shard& shard) mutable {
    return commit(broker.at(shard.id()), std::move(request), pass, std::move(who));
  };
  auto answer =
      co_await shard::call(server.shard(), broker.shards().at(owner), "txn_offset_commit", until, std::move(body));
  co_return answer ? *std::move(answer) : std::move(otherwise);
}

}  // namespace chronik::server
