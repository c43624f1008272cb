// What the transaction coordinator asks of the rest of the node; the server answers, tests bring their own.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "coord/transaction.h"
#include "task/task.h"

namespace chronik::coord {

/// The end of one transaction, to be written to each of its partitions.
struct Markers {
  ProducerIdentity producer;
  bool commits = false;
  std::int32_t coordinator_epoch = 0;
  TransactionPartitions partitions;
};

class TransactionPeers {
 public:
  virtual ~TransactionPeers() = default;

  /// Makes __transaction_state with `partitions` partitions unless it exists; success if it does in the end.
  virtual task::Task<Status> create_transactions_topic(std::int32_t partitions, Deadline until) = 0;
  virtual task::Task<Result<ProducerId>> next_producer_id(Deadline until) = 0;
  /// Gives back the partitions that have no durable marker yet; those that are gone need none.
  virtual task::Task<TransactionPartitions> write_markers(Markers markers, Deadline until) = 0;
};

}  // namespace chronik::coord
