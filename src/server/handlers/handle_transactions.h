// Handlers of requests about transactions.
#pragma once

#include "server/request.h"
#include "task/task.h"
#include "wire/messages/add_offsets_to_txn.h"
#include "wire/messages/add_partitions_to_txn.h"
#include "wire/messages/describe_producers.h"
#include "wire/messages/describe_transactions.h"
#include "wire/messages/end_txn.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/list_transactions.h"
#include "wire/messages/txn_offset_commit.h"

namespace chronik::server {

task::Task<wire::InitProducerIdResponse> handle_init_producer_id(RequestContext& context,
                                                                 wire::InitProducerIdRequest request);
task::Task<wire::AddPartitionsToTxnResponse> handle_add_partitions_to_txn(RequestContext& context,
                                                                          wire::AddPartitionsToTxnRequest request);
task::Task<wire::AddOffsetsToTxnResponse> handle_add_offsets_to_txn(RequestContext& context,
                                                                    wire::AddOffsetsToTxnRequest request);
task::Task<wire::EndTxnResponse> handle_end_txn(RequestContext& context, wire::EndTxnRequest request);
task::Task<wire::TxnOffsetCommitResponse> handle_txn_offset_commit(RequestContext& context,
                                                                   wire::TxnOffsetCommitRequest request);
task::Task<wire::DescribeProducersResponse> handle_describe_producers(RequestContext& context,
                                                                      wire::DescribeProducersRequest request);
task::Task<wire::DescribeTransactionsResponse> handle_describe_transactions(RequestContext& context,
                                                                            wire::DescribeTransactionsRequest request);
task::Task<wire::ListTransactionsResponse> handle_list_transactions(RequestContext& context,
                                                                    wire::ListTransactionsRequest request);

}  // namespace chronik::server
