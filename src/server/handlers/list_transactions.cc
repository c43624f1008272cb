// ListTransactions: what the coordinators of all shards know (KIP-664, KIP-994).
#include "server/handlers/gather.h"
#include "server/handlers/handle_transactions.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {

using Response = wire::ListTransactionsResponse;

task::Task<Result<Response>> serve(ShardServer& server, wire::ListTransactionsRequest request) {
  co_return server.transactions().list(request);
}

}  // namespace

task::Task<Response> handle_list_transactions(RequestContext& context, wire::ListTransactionsRequest request) {
  ShardServer& server = context.server;
  std::vector<task::Task<Result<Response>>> calls;
  for (std::size_t i = 0; i < server.broker().shards().size(); ++i) {
    auto body = [request](ShardServer& owner, Deadline) mutable { return serve(owner, std::move(request)); };
    calls.push_back(on_transaction_shard<Response>(server, "list_transactions", ShardId(static_cast<std::uint32_t>(i)),
                                                   std::move(body)));
  }
  auto results = co_await all(server.context(), "list_transactions", std::move(calls),
                              server.context().after(kTransactionDeadline + 2 * kTransactionReplySlack));
  Response response;
  for (auto& part : results) {
    const auto error = part ? part->error_code : wire::ErrorCode::coordinator_not_available;
    if (error != wire::ErrorCode::none) {
      response.error_code = error;
      continue;
    }
    response.unknown_state_filters = std::move(part->unknown_state_filters);
    std::ranges::move(part->transaction_states, std::back_inserter(response.transaction_states));
  }
  if (response.error_code != wire::ErrorCode::none) response.transaction_states.clear();
  co_return response;
}

}  // namespace chronik::server
