// Transaction: what the coordinator knows of one transactional id, and what may become of it (KIP-98, KIP-360, and
// KIP-890: clients of transactions version 2 get a new epoch with every transaction). Values and pure functions: each
// request gives the next state, which is in force once it is durable.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "wire/errors.h"

namespace chronik::coord {

using wire::ErrorCode;

/// Numbered as in the records of __transaction_state.
enum class TransactionPhase : std::int8_t {
  empty = 0,
  ongoing = 1,
  prepare_commit = 2,
  prepare_abort = 3,
  complete_commit = 4,
  complete_abort = 5,
  dead = 6,
  prepare_epoch_fence = 7,
};
/// Kafka's name ("PrepareCommit"), or "Unknown".
std::string_view to_string(TransactionPhase phase);
std::optional<TransactionPhase> parse_phase(std::string_view name);

struct TransactionPartition {
  std::string topic;
  PartitionIndex partition;

  auto operator<=>(const TransactionPartition&) const = default;
};
using TransactionPartitions = std::set<TransactionPartition>;

/// A producer as it names itself.
struct ProducerIdentity {
  ProducerId id{-1};
  ProducerEpoch epoch{-1};

  bool operator==(const ProducerIdentity&) const = default;
};

struct Transaction {
  ProducerIdentity producer;
  ProducerId previous{-1};       // before the last change of id
  ProducerId next{-1};           // takes over when this transaction is complete: the epochs of `producer` are used up
  ProducerEpoch last_epoch{-1};  // before the last bump, for a retried InitProducerId; not in the record
  std::int32_t timeout_ms = 0;
  TransactionPhase phase = TransactionPhase::empty;
  TransactionPartitions partitions;
  UnixMillis updated{-1};
  UnixMillis started{-1};
  bool bumps = false;  // by a client of transactions version 2

  bool preparing() const {
    return phase == TransactionPhase::prepare_commit || phase == TransactionPhase::prepare_abort;
  }
  bool idle() const { return !preparing() && phase != TransactionPhase::ongoing; }
  /// No further epoch of the producer id is left to give out.
  bool epochs_used_up() const { return producer.epoch.value() >= INT16_MAX - 1; }
  bool operator==(const Transaction&) const = default;
};

using NextTransaction = std::expected<Transaction, ErrorCode>;

/// InitProducerId of an idle transaction. `claimed` is who the producer was, or nothing; `fresh` is a new producer id,
/// needed if needs_new_id(). PRODUCER_FENCED.
NextTransaction initialize(const Transaction& now, std::optional<ProducerIdentity> claimed, std::int32_t timeout_ms,
                           ProducerId fresh, UnixMillis at);
bool needs_new_id(const Transaction& now);
/// Whether `claimed` may initialize at all. PRODUCER_FENCED, or none.
ErrorCode check_claim(const Transaction& now, std::optional<ProducerIdentity> claimed);

/// AddPartitionsToTxn, or the first write of a client of version 2. Equal to `now` if nothing changes.
/// INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS.
NextTransaction add_partitions(const Transaction& now, ProducerIdentity producer, const TransactionPartitions& more,
                               bool version_2, UnixMillis at);
/// Whether the producer's transaction includes all of these: none, or TRANSACTION_ABORTABLE, and the errors above.
ErrorCode verify_partitions(const Transaction& now, ProducerIdentity producer, const TransactionPartitions& asked);

/// EndTxn. Equal to `now` if it had that effect before. `fresh` as above, needed only by version 2.
/// INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS (it is on its way).
NextTransaction end(const Transaction& now, ProducerIdentity producer, bool commits, bool version_2, ProducerId fresh,
                    UnixMillis at);
/// The coordinator ends an ongoing transaction by itself, and shuts out its producer.
Transaction fence(const Transaction& now, UnixMillis at);
/// All markers are written.
Transaction complete(const Transaction& now, UnixMillis at);

}  // namespace chronik::coord
