// The transaction coordinator of one shard (KIP-98, KIP-890). A transactional id belongs to one partition of
// __transaction_state and lives on the shard that owns it: the server takes a request there first.
//
// Invariants: a state is in force once its record is durable; one change of a transaction at a time, others wait for it
// as long as their deadline allows and then get CONCURRENT_TRANSACTIONS; a transaction that is prepared is completed,
// whoever waits for it. No timer runs but one, set to the earliest deadline. Memory is bounded by TransactionConfig.
// All calls on the shard's thread.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "base/time.h"
#include "coord/topics.h"
#include "coord/transaction.h"
#include "coord/transaction_peers.h"
#include "log/partition.h"
#include "shard/shard.h"
#include "task/task.h"
#include "wire/messages/describe_transactions.h"
#include "wire/messages/end_txn.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/list_transactions.h"

namespace chronik::coord {

struct TransactionConfig {
  std::int32_t topic_partitions = 50;         // transaction.state.log.num.partitions
  std::int32_t timeout_max_ms = 900'000;      // transaction.max.timeout.ms
  std::int64_t id_expiration_ms = 604800000;  // transactional.id.expiration.ms
  std::size_t memory_bytes_max = 64U << 20;
  Duration write_timeout = 5s;   // of one record of __transaction_state
  Duration marker_timeout = 5s;  // of one round of markers
  std::size_t load_bytes = 1U << 20;
};

/// A first write to partitions, or offsets of a group, by a transaction.
struct Enlistment {
  std::string transactional_id;
  ProducerIdentity producer;
  TransactionPartitions partitions;
  bool verify_only = false;  // the producer has added them itself
  bool version_2 = false;
};

class TransactionCore;

class TransactionCoordinator {
 public:
  /// `topics` and `peers` outlive the coordinator.
  TransactionCoordinator(shard::Shard& shard, Topics& topics, TransactionPeers& peers, TransactionConfig config);
  ~TransactionCoordinator();
  TransactionCoordinator(const TransactionCoordinator&) = delete;
  TransactionCoordinator& operator=(const TransactionCoordinator&) = delete;

  /// This shard owns that partition of __transaction_state; what is there is loaded in the background.
  void own(PartitionIndex index, log::PartitionPtr partition);
  void disown(PartitionIndex index);
  void set_config(const TransactionConfig& config);
  /// Refuses everything from now on, ends the background work.
  task::Task<void> close(Deadline until);

  task::Task<wire::InitProducerIdResponse> init_producer_id(wire::InitProducerIdRequest request, Deadline until);
  /// AddPartitionsToTxn, AddOffsetsToTxn, and what a partition leader asks before a transaction's first write
  /// (KIP-890).
  task::Task<ErrorCode> enlist(Enlistment enlistment, Deadline until);
  task::Task<wire::EndTxnResponse> end(wire::EndTxnRequest request, std::int16_t api_version, Deadline until);

  wire::DescribeTransactionsResponse::State describe(const std::string& transactional_id);
  /// Of this shard alone. INVALID_REGULAR_EXPRESSION.
  wire::ListTransactionsResponse list(const wire::ListTransactionsRequest& request);

  /// CHECKs every invariant.
  void check_invariants() const;

 private:
  std::shared_ptr<TransactionCore> core_;  // shared with what waits and with the background work
};

}  // namespace chronik::coord
