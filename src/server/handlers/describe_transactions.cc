// DescribeTransactions: the state of each transactional id, from its coordinator (KIP-664).
#include <map>

#include "server/handlers/gather.h"
#include "server/handlers/handle_transactions.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {

using State = wire::DescribeTransactionsResponse::State;
using States = std::vector<State>;

task::Task<Result<States>> serve(ShardServer& server, std::vector<std::string> ids) {
  States states;
  for (const std::string& id : ids) states.push_back(server.transactions().describe(id));
  co_return states;
}

}  // namespace

task::Task<wire::DescribeTransactionsResponse> handle_describe_transactions(RequestContext& context,
                                                                            wire::DescribeTransactionsRequest request) {
  ShardServer& server = context.server;
  std::map<ShardId, std::vector<std::string>> parts;
  for (std::string& id : request.transactional_ids) parts[transaction_owner(server, id)].push_back(std::move(id));
  std::vector<task::Task<Result<States>>> calls;
  for (const auto& [shard, ids] : parts) {
    auto body = [mine = std::vector<std::string>(ids)](ShardServer& owner, Deadline) mutable {
      return serve(owner, std::move(mine));
    };
    calls.push_back(on_transaction_shard<States>(server, "describe_transactions", shard, std::move(body)));
  }
  wire::DescribeTransactionsResponse response;
  if (calls.empty()) co_return response;
  auto results = co_await all(server.context(), "describe_transactions", std::move(calls),
                              server.context().after(kTransactionDeadline + 2 * kTransactionReplySlack));
  std::size_t at = 0;
  for (const auto& [shard, ids] : parts) {
    auto& result = results[at++];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      State& state = response.transaction_states.emplace_back();
      if (result) {
        state = std::move((*result)[i]);
      } else {
        state.transactional_id = ids[i];
        state.error_code = wire::ErrorCode::coordinator_not_available;
      }
    }
  }
  co_return response;
}

}  // namespace chronik::server
