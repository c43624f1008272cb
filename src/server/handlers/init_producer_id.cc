// InitProducerId: a fresh id for idempotent producers, durable in the metadata log before it is given out; for a
// transactional id, its coordinator's next epoch, with whatever was left open aborted (KIP-98, KIP-360).
#include "server/handlers/common.h"
#include "server/handlers/handle_transactions.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {

constexpr std::int16_t kFencedSince = 4;

task::Task<Result<wire::InitProducerIdResponse>> serve(ShardServer& server, wire::InitProducerIdRequest request,
                                                       Deadline until) {
  co_return co_await server.transactions().init_producer_id(std::move(request), until);
}

wire::InitProducerIdResponse refused(wire::ErrorCode error) {
  wire::InitProducerIdResponse response;
  response.producer_id = wire::kNoProducerId;
  response.producer_epoch = wire::kNoProducerEpoch;
  response.error_code = error;
  return response;
}

task::Task<wire::InitProducerIdResponse> init_transactional(RequestContext& context,
                                                            wire::InitProducerIdRequest request) {
  ShardServer& server = context.server;
  const ShardId shard = transaction_owner(server, *request.transactional_id);
  auto body = [request = std::move(request)](ShardServer& owner, Deadline until) mutable {
    return serve(owner, std::move(request), until);
  };
  auto answer =
      co_await on_transaction_shard<wire::InitProducerIdResponse>(server, "init_producer_id", shard, std::move(body));
  if (!answer) co_return refused(wire::ErrorCode::coordinator_not_available);
  answer->error_code = for_version(answer->error_code, context.version(), kFencedSince);
  co_return *std::move(answer);
}

}  // namespace

task::Task<wire::InitProducerIdResponse> handle_init_producer_id(RequestContext& context,
                                                                 wire::InitProducerIdRequest request) {
  ShardServer& server = context.server;
  // KIP-360: a producer that goes on says both who it is and in which epoch.
  if ((request.producer_id == wire::kNoProducerId) != (request.producer_epoch == wire::kNoProducerEpoch)) {
    co_return refused(wire::ErrorCode::invalid_request);
  }
  if (request.transactional_id) co_return co_await init_transactional(context, std::move(request));
  const auto id = co_await server.metadata().next_producer_id(
      server.shard(), server.context().after(server.log().options().wal.stall_deadline));
  if (!id) {
    co_return refused(id.error().code == Errc::timed_out ? wire::ErrorCode::request_timed_out
                                                         : wire::ErrorCode::coordinator_not_available);
  }
  wire::InitProducerIdResponse response;
  response.producer_id = *id;
  response.producer_epoch = ProducerEpoch(0);
  co_return response;
}

}  // namespace chronik::server
