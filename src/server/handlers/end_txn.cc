// EndTxn: the decision is durable, and as a rule visible, when this answers.
#include "server/handlers/handle_transactions.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {
constexpr std::int16_t kFencedSince = 2;

task::Task<Result<wire::EndTxnResponse>> serve(ShardServer& server, wire::EndTxnRequest request, std::int16_t version,
                                               Deadline until) {
  co_return co_await server.transactions().end(std::move(request), version, until);
}
}  // namespace

task::Task<wire::EndTxnResponse> handle_end_txn(RequestContext& context, wire::EndTxnRequest request) {
  const ShardId shard = transaction_owner(context.server, request.transactional_id);
  auto body = [request = std::move(request), version = context.version()](ShardServer& owner, Deadline until) mutable {
    return serve(owner, std::move(request), version, until);
  };
  auto answer = co_await on_transaction_shard<wire::EndTxnResponse>(context.server, "end_txn", shard, std::move(body));
  wire::EndTxnResponse response;
  if (answer) {
    response = *std::move(answer);
  } else {
    response.error_code = wire::ErrorCode::coordinator_not_available;
  }
  response.error_code = for_version(response.error_code, context.version(), kFencedSince);
  co_return response;
}

}  // namespace chronik::server
