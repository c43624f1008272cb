#include "coord/transaction_store.h"

#include "wire/records/transaction_records.h"
#include "wire/records/versioned.h"

namespace chronik::coord {

namespace {
constexpr std::int16_t kKeyVersion = 0;
constexpr std::int16_t kVersion2 = 2;  // client_transaction_version of KIP-890

/// Version 0 is enough unless there is something to say in a tagged field.
std::int16_t value_version(const Transaction& transaction) {
  const bool plain = !transaction.bumps && transaction.previous.value() < 0 && transaction.next.value() < 0;
  return plain ? 0 : 1;
}
}  // namespace

Result<Record> transaction_tombstone(const std::string& id) {
  TRY(Buffer key, wire::encode_versioned(wire::TransactionLogKey{.transactional_id = id}, kKeyVersion));
  return Record{std::move(key), std::nullopt};
}

Result<Record> transaction_record(const std::string& id, const Transaction& transaction) {
  TRY(Record record, transaction_tombstone(id));
  wire::TransactionLogValue value;
  value.producer_id = transaction.producer.id;
  value.previous_producer_id = transaction.previous;
  value.next_producer_id = transaction.next;
  value.producer_epoch = transaction.producer.epoch;
  value.transaction_timeout_ms = transaction.timeout_ms;
  value.transaction_status = static_cast<std::int8_t>(transaction.phase);
  value.transaction_last_update_timestamp_ms = transaction.updated;
  value.transaction_start_timestamp_ms = transaction.started;
  value.client_transaction_version = transaction.bumps ? kVersion2 : std::int16_t{0};
  // As Kafka: none while there is no transaction.
  if (transaction.phase != TransactionPhase::empty) value.transaction_partitions.emplace();
  for (const auto& [topic, partition] : transaction.partitions) {
    auto& topics = *value.transaction_partitions;
    if (topics.empty() || topics.back().topic != topic) topics.push_back({topic, {}});
    topics.back().partition_ids.push_back(partition);
  }
  TRY(record.value, wire::encode_versioned(value, value_version(transaction)));
  return record;
}

Result<std::string> decode_transaction_key(const Buffer& key) {
  TRY(auto decoded, wire::decode_versioned<wire::TransactionLogKey>(key));
  return std::move(decoded.transactional_id);
}

Result<Transaction> decode_transaction(const Buffer& bytes) {
  TRY(const auto value, wire::decode_versioned<wire::TransactionLogValue>(bytes));
  if (value.transaction_status < 0 || value.transaction_status > 7) {
    return fail(Errc::corrupt, "unknown transaction state " + std::to_string(value.transaction_status));
  }
  Transaction transaction;
  transaction.producer = {value.producer_id, value.producer_epoch};
  transaction.previous = value.previous_producer_id;
  transaction.next = value.next_producer_id;
  transaction.timeout_ms = value.transaction_timeout_ms;
  transaction.phase = static_cast<TransactionPhase>(value.transaction_status);
  transaction.updated = value.transaction_last_update_timestamp_ms;
  transaction.started = value.transaction_start_timestamp_ms;
  transaction.bumps = value.client_transaction_version >= kVersion2;
  if (!value.transaction_partitions) return transaction;
  for (const auto& topic : *value.transaction_partitions) {
    for (const PartitionIndex partition : topic.partition_ids) transaction.partitions.insert({topic.topic, partition});
  }
  return transaction;
}

std::size_t footprint(const Transaction& transaction) {
  constexpr std::size_t kNode = 64;
  std::size_t bytes = sizeof transaction;
  for (const auto& partition : transaction.partitions) bytes += kNode + partition.topic.size();
  return bytes;
}

}  // namespace chronik::coord
