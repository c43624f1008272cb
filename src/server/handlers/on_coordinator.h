// The way to the shard whose coordinator owns a group, and back.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "coord/coord.h"
#include "coord/routing.h"
#include "server/handlers/gather.h"
#include "server/request.h"

namespace chronik::server {

/// Above what any request but JoinGroup and SyncGroup takes: those wait for other members.
inline constexpr Duration kGroupDeadline = 10s;
/// For the answer to travel back from the other shard.
inline constexpr Duration kReplySlack = 1s;

/// Which shard a group is on. While __consumer_offsets is missing that is this one, whose coordinator says so and has
/// it made.
coord::GroupOwner group_owner(ShardServer& server);

coord::RequestContext asking(const RequestContext& context, Duration patience);

template <class Request>
using GroupServe = task::Task<Result<typename Request::Response>> (*)(ShardServer&, Request, coord::RequestContext);

/// Runs `serve` on a shard. An error means that nobody answered: the client looks for the coordinator again.
template <class Request>
task::Task<Result<typename Request::Response>> on_shard(const RequestContext& context, const char* what, ShardId shard,
                                                        Request request, Duration patience, GroupServe<Request> serve) {
  ShardServer& server = context.server;
  Broker& broker = server.broker();
  const Deadline until = server.context().after(patience + kReplySlack);
  auto body = [&broker, request = std::move(request), who = asking(context, patience),
               serve](shard::Shard& owner) mutable {
    return serve(broker.at(owner.id()), std::move(request), std::move(who));
  };
  return shard::call(server.shard(), broker.shards().at(shard), what, until, std::move(body));
}

/// The same on the shard of the request's group.
template <class Request>
task::Task<Result<typename Request::Response>> on_coordinator(const RequestContext& context, const char* what,
                                                              Request request, Duration patience,
                                                              GroupServe<Request> serve) {
  const ShardId shard = group_owner(context.server)(request.group_id);
  return on_shard<Request>(context, what, shard, std::move(request), patience, serve);
}

/// Runs `serve` with each shard's part, all at once. `failed` makes the answer of a shard that gave none.
template <class Request, class Failed>
task::Task<typename Request::Response> on_shards(const RequestContext& context, const char* what,
                                                 std::map<ShardId, Request> parts, GroupServe<Request> serve,
                                                 Failed failed) {
  std::vector<task::Task<Result<typename Request::Response>>> calls;
  for (const auto& [shard, part] : parts) {
    calls.push_back(on_shard<Request>(context, what, shard, part, kGroupDeadline, serve));
  }
  task::Context& here = context.server.context();
  auto results = co_await all(here, what, std::move(calls), here.after(kGroupDeadline + 2 * kReplySlack));
  typename Request::Response response;
  auto part = parts.begin();
  for (auto& result : results) {
    coord::merge(response, result ? *std::move(result) : failed(part->second));
    ++part;
  }
  co_return response;
}

}  // namespace chronik::server
