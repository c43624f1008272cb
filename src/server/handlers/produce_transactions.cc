#include "server/handlers/produce_transactions.h"

#include <map>
#include <optional>

#include "base/canary.h"
#include "server/handlers/gather.h"
#include "server/handlers/on_transaction.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Pass = std::optional<log::TransactionPass>;

constexpr std::int16_t kAbortableSince = 11;
constexpr std::int16_t kAddsSince = 12;

struct Begin {
  TopicPartition id;
  coord::ProducerIdentity producer;
};

/// On the owning shard: for each, a pass, or nothing if the transaction is open there.
task::Task<Result<std::vector<Pass>>> begin(ShardServer& server, std::vector<Begin> writes) {
  std::vector<Pass> passes;
  for (const Begin& write : writes) {
    const log::PartitionPtr partition = server.log().find(write.id);
    // A partition that has gone says so itself, when it is written to.
    passes.push_back(partition ? partition->begin_verification(write.producer.id, write.producer.epoch) : std::nullopt);
  }
  co_return passes;
}

ErrorCode for_producer(ErrorCode error, std::int16_t version) {
  switch (error) {
    case ErrorCode::producer_fenced:
      return ErrorCode::invalid_producer_epoch;
    case ErrorCode::transaction_abortable:
      return version < kAbortableSince ? ErrorCode::invalid_txn_state : error;
    case ErrorCode::concurrent_transactions:
      return version < kAddsSince ? ErrorCode::not_enough_replicas : error;
    case ErrorCode::not_coordinator:
    case ErrorCode::coordinator_not_available:
    case ErrorCode::coordinator_load_in_progress:
      return ErrorCode::not_enough_replicas;  // what producers take for "try again" everywhere
    default:
      return error;
  }
}

}  // namespace

task::Task<void> admit_writes(RequestContext& context, const std::string& transactional_id,
                              std::vector<TransactionalWrite>& writes) {
  ShardServer& server = context.server;
  Broker& broker = server.broker();
  const Deadline until = server.context().after(kTransactionDeadline);
  std::map<ShardId, std::vector<std::size_t>> by_owner;
  const coord::ProducerIdentity producer = writes.front().producer;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    // One transactional id has one producer.
    if (writes[i].producer != producer) writes[i].error = ErrorCode::invalid_producer_id_mapping;
    if (writes[i].error == ErrorCode::none) by_owner[writes[i].owner].push_back(i);
  }
  coord::Enlistment enlistment;
  std::vector<std::size_t> enlisting;
  for (const auto& [owner, slots] : by_owner) {
    std::vector<Begin> share;
    for (const std::size_t slot : slots) share.push_back({writes[slot].id, writes[slot].producer});
    auto body = [&broker, share = std::move(share)](shard::Shard& shard) mutable {
      return begin(broker.at(shard.id()), std::move(share));
    };
    const auto passes =
        co_await shard::call(server.shard(), broker.shards().at(owner), "produce.begin", until, std::move(body));
    for (std::size_t k = 0; k < slots.size(); ++k) {
      TransactionalWrite& write = writes[slots[k]];
      if (!passes) {
        write.error = ErrorCode::not_enough_replicas;
      } else if ((*passes)[k]) {
        write.pass = *(*passes)[k];
        enlisting.push_back(slots[k]);
        enlistment.partitions.insert({write.topic, write.id.partition});
      }
    }
  }
  if (enlisting.empty() || canary(Canary::transaction_not_verified)) co_return;
  enlistment.transactional_id = transactional_id;
  enlistment.producer = producer;
  enlistment.version_2 = context.version() >= kAddsSince;
  enlistment.verify_only = !enlistment.version_2;
  const ErrorCode error = for_producer(co_await enlist(server, std::move(enlistment)), context.version());
  for (const std::size_t slot : enlisting) writes[slot].error = error;
}

}  // namespace chronik::server
