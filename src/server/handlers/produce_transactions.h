// What precedes the first write of a transaction to a partition (KIP-890): its coordinator adds the partition, for
// clients of version 2, or confirms that the producer has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coord/transaction.h"
#include "log/partition.h"
#include "server/request.h"
#include "task/task.h"

namespace chronik::server {

/// One transactional batch of a Produce request.
struct TransactionalWrite {
  ShardId owner{0};
  TopicPartition id;
  std::string topic;
  coord::ProducerIdentity producer;
  log::TransactionPass pass = log::kNoPass;       // out: to append with
  wire::ErrorCode error = wire::ErrorCode::none;  // out: to refuse it with
};

task::Task<void> admit_writes(RequestContext& context, const std::string& transactional_id,
                              std::vector<TransactionalWrite>& writes);

}  // namespace chronik::server
