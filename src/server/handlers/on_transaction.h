// The way to the shard whose coordinator owns a transactional id, and back.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "coord/transaction_coordinator.h"
#include "server/broker.h"
#include "server/request.h"
#include "shard/shard.h"

namespace chronik::server {

/// What a request about a transaction takes at most: a record, markers, and the wait for those of the one before.
inline constexpr Duration kTransactionDeadline = 10s;
inline constexpr Duration kTransactionReplySlack = 1s;

/// While __transaction_state is missing this shard: its coordinator says so and has it made.
ShardId transaction_owner(ShardServer& server, std::string_view transactional_id);

/// Runs `serve(coordinator, until)` on the shard of the id.
template <class Answer, class Serve>
task::Task<Result<Answer>> on_transaction_shard(ShardServer& server, const char* what, ShardId shard, Serve serve) {
  Broker& broker = server.broker();
  const Deadline until = server.context().after(kTransactionDeadline);
  auto body = [&broker, serve = std::move(serve), until](shard::Shard& owner) mutable {
    return serve(broker.at(owner.id()), until);
  };
  return shard::call(server.shard(), broker.shards().at(shard), what,
                     server.context().after(kTransactionDeadline + kTransactionReplySlack), std::move(body));
}

/// Asks the coordinator to add (or verify) partitions. An error also if nobody answers.
task::Task<wire::ErrorCode> enlist(ShardServer& server, coord::Enlistment enlistment);

/// Before version 2 clients do not know PRODUCER_FENCED.
inline wire::ErrorCode for_version(wire::ErrorCode error, std::int16_t version, std::int16_t fenced_since) {
  return error == wire::ErrorCode::producer_fenced && version < fenced_since ? wire::ErrorCode::invalid_producer_epoch
                                                                             : error;
}

}  // namespace chronik::server
