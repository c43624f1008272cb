#include "server/handlers/on_transaction.h"

#include "coord/routing.h"
#include "meta/topic_name.h"

namespace chronik::server {

ShardId transaction_owner(ShardServer& server, std::string_view transactional_id) {
  const meta::TopicPtr topic = server.view().image()->find(meta::kTransactionTopic);
  if (!topic) return server.shard().id();
  const PartitionIndex index = coord::offsets_partition(transactional_id, topic->partition_count());
  return server.broker().owner({topic->id, index});
}

namespace {
task::Task<Result<wire::ErrorCode>> serve_enlist(ShardServer& server, coord::Enlistment enlistment, Deadline until) {
  co_return co_await server.transactions().enlist(std::move(enlistment), until);
}
}  // namespace

task::Task<wire::ErrorCode> enlist(ShardServer& server, coord::Enlistment enlistment) {
  const ShardId shard = transaction_owner(server, enlistment.transactional_id);
  auto serve = [enlistment = std::move(enlistment)](ShardServer& owner, Deadline until) mutable {
    return serve_enlist(owner, std::move(enlistment), until);
  };
  const auto answer =
      co_await on_transaction_shard<wire::ErrorCode>(server, "transaction.enlist", shard, std::move(serve));
  co_return answer ? *answer : wire::ErrorCode::coordinator_not_available;
}

}  // namespace chronik::server
