// AddPartitionsToTxn: clients of transactions version 1 say what they are about to write to; brokers (version 4 on) ask
// for several transactions at once.
#include <algorithm>

#include "server/handlers/common.h"
#include "server/handlers/handle_transactions.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Topics = std::vector<wire::AddPartitionsToTxnRequest::Topic>;
using TopicResults = std::vector<wire::AddPartitionsToTxnResponse::TopicResult>;

constexpr std::int16_t kFencedSince = 2;
constexpr std::int16_t kBatchesSince = 4;
constexpr std::int16_t kAbortableSince = 5;

/// All or nothing: with an unknown partition in it no other is added.
task::Task<TopicResults> serve(RequestContext& context, coord::Enlistment enlistment, Topics topics) {
  ShardServer& server = context.server;
  TopicResults results;
  bool unknown = false;
  for (const auto& topic : topics) {
    auto& answer = results.emplace_back();
    answer.name = topic.name;
    for (const PartitionIndex index : topic.partitions) {
      const Target target = locate(server, topic.name, TopicId{}, index);
      unknown = unknown || target.error != ErrorCode::none;
      answer.results_by_partition.push_back({index, target.error});
      enlistment.partitions.insert({topic.name, index});
    }
  }
  ErrorCode error = ErrorCode::operation_not_attempted;
  if (!unknown) {
    error = for_version(co_await enlist(server, std::move(enlistment)), context.version(), kFencedSince);
    if (error == ErrorCode::transaction_abortable && context.version() < kAbortableSince) {
      error = ErrorCode::invalid_txn_state;
    }
  }
  for (auto& topic : results) {
    for (auto& partition : topic.results_by_partition) {
      if (partition.partition_error_code == ErrorCode::none) partition.partition_error_code = error;
    }
  }
  co_return results;
}

}  // namespace

task::Task<wire::AddPartitionsToTxnResponse> handle_add_partitions_to_txn(RequestContext& context,
                                                                          wire::AddPartitionsToTxnRequest request) {
  wire::AddPartitionsToTxnResponse response;
  if (context.version() < kBatchesSince) {
    coord::Enlistment enlistment;
    enlistment.transactional_id = std::move(request.v3_and_below_transactional_id);
    enlistment.producer = {request.v3_and_below_producer_id, request.v3_and_below_producer_epoch};
    response.results_by_topic_v3_and_below =
        co_await serve(context, std::move(enlistment), std::move(request.v3_and_below_topics));
    co_return response;
  }
  for (auto& transaction : request.transactions) {
    auto& answer = response.results_by_transaction.emplace_back();
    answer.transactional_id = transaction.transactional_id;
    coord::Enlistment enlistment;
    enlistment.transactional_id = std::move(transaction.transactional_id);
    enlistment.producer = {transaction.producer_id, transaction.producer_epoch};
    enlistment.verify_only = transaction.verify_only;
    enlistment.version_2 = !transaction.verify_only;
    answer.topic_results = co_await serve(context, std::move(enlistment), std::move(transaction.topics));
  }
  co_return response;
}

}  // namespace chronik::server
