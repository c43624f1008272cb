// AddPartitionsToTxn: partitions that a transaction is about to write to (KIP-98). From version 4 on for brokers, with
// several transactions at once (KIP-890).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/api.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/types.h"

namespace chronik::wire {

struct AddPartitionsToTxnResponse;

struct AddPartitionsToTxnRequest {
  static constexpr Schema kSchema = api_schema("AddPartitionsToTxnRequest", ApiKey::add_partitions_to_txn);
  using Response = AddPartitionsToTxnResponse;

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partitions;
  };

  struct Transaction {
    std::string transactional_id;
    ProducerId producer_id{-1};
    ProducerEpoch producer_epoch{-1};
    bool verify_only = false;
    std::vector<Topic> topics;
  };

  std::vector<Transaction> transactions;
  std::string v3_and_below_transactional_id;
  ProducerId v3_and_below_producer_id{-1};
  ProducerEpoch v3_and_below_producer_epoch{-1};
  std::vector<Topic> v3_and_below_topics;
};

struct AddPartitionsToTxnResponse {
  static constexpr Schema kSchema = api_schema("AddPartitionsToTxnResponse", ApiKey::add_partitions_to_txn);

  struct PartitionResult {
    PartitionIndex partition_index;
    ErrorCode partition_error_code = ErrorCode::none;
  };

  struct TopicResult {
    std::string name;
    std::vector<PartitionResult> results_by_partition;
  };

  struct Result {
    std::string transactional_id;
    std::vector<TopicResult> topic_results;
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Result> results_by_transaction;
  std::vector<TopicResult> results_by_topic_v3_and_below;
};

}  // namespace chronik::wire
