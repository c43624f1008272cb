// InitProducerId: a fresh id for idempotent producers, durable in the metadata log before it is given out.
#include "server/handlers/common.h"
#include "server/handlers/handle.h"

namespace chronik::server {

task::Task<wire::InitProducerIdResponse> handle_init_producer_id(RequestContext& context,
                                                                 wire::InitProducerIdRequest request) {
  ShardServer& server = context.server;
  wire::InitProducerIdResponse response;
  response.producer_id = wire::kNoProducerId;
  response.producer_epoch = wire::kNoProducerEpoch;
  if (request.transactional_id) {
    response.error_code = request.transactional_id->empty() ? wire::ErrorCode::invalid_request
                                                            : wire::ErrorCode::transactional_id_authorization_failed;
    co_return response;
  }
  const auto id = co_await server.metadata().next_producer_id(
      server.shard(), server.context().after(server.log().options().wal.stall_deadline));
  if (!id) {
    response.error_code = id.error().code == Errc::timed_out ? wire::ErrorCode::request_timed_out
                                                             : wire::ErrorCode::coordinator_not_available;
    co_return response;
  }
  response.producer_id = *id;
  response.producer_epoch = ProducerEpoch(0);
  co_return response;
}

}  // namespace chronik::server
