// What the transaction coordinator of a shard needs of this node: topics, producer ids, and markers, which go to the
// shards that own the partitions. One for each shard; used there only.
#pragma once

#include "coord/transaction_peers.h"

namespace chronik::server {

class ShardServer;

class NodeTransactions final : public coord::TransactionPeers {
 public:
  explicit NodeTransactions(ShardServer& server) : server_(server) {}

  task::Task<Status> create_transactions_topic(std::int32_t partitions, Deadline until) override;
  task::Task<Result<ProducerId>> next_producer_id(Deadline until) override;
  task::Task<coord::TransactionPartitions> write_markers(coord::Markers markers, Deadline until) override;

 private:
  ShardServer& server_;
};

}  // namespace chronik::server
