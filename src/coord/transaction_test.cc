// What may become of a transaction, as pure functions; the table of states against requests.
#include "coord/transaction.h"

#include <gtest/gtest.h>

#include "coord/transaction_store.h"

namespace chronik::coord {
namespace {

constexpr UnixMillis kNow{1000};
const TransactionPartitions kPartitions{{"a", PartitionIndex(0)}, {"a", PartitionIndex(3)}, {"b", PartitionIndex(1)}};

Transaction in(TransactionPhase phase, std::int16_t epoch = 5) {
  Transaction transaction;
  transaction.producer = {ProducerId(9), ProducerEpoch(epoch)};
  transaction.timeout_ms = 1000;
  transaction.phase = phase;
  if (phase == TransactionPhase::ongoing || transaction.preparing()) transaction.partitions = kPartitions;
  return transaction;
}
constexpr ProducerIdentity kSelf{ProducerId(9), ProducerEpoch(5)};
constexpr ProducerIdentity kBefore{ProducerId(9), ProducerEpoch(4)};
constexpr ProducerId kFresh{70};

using enum TransactionPhase;

TEST(Transaction, end_of_version_1_by_state) {
  const auto error = [](TransactionPhase phase, bool commits) {
    const auto next = end(in(phase), kSelf, commits, false, kFresh, kNow);
    return next ? ErrorCode::none : next.error();
  };
  EXPECT_EQ(error(empty, true), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(empty, false), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(ongoing, true), ErrorCode::none);
  EXPECT_EQ(error(ongoing, false), ErrorCode::none);
  EXPECT_EQ(error(prepare_commit, true), ErrorCode::concurrent_transactions);
  EXPECT_EQ(error(prepare_commit, false), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(prepare_abort, false), ErrorCode::concurrent_transactions);
  EXPECT_EQ(error(prepare_abort, true), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(complete_commit, true), ErrorCode::none);
  EXPECT_EQ(error(complete_commit, false), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(complete_abort, false), ErrorCode::none);
  EXPECT_EQ(error(complete_abort, true), ErrorCode::invalid_txn_state);
  EXPECT_EQ(end(in(ongoing), kSelf, true, false, kFresh, kNow)->producer, kSelf);
}

TEST(Transaction, end_of_version_2_by_state_for_the_producer_and_for_a_retry) {
  const auto error = [](TransactionPhase phase, ProducerIdentity producer, bool commits) {
    const auto next = end(in(phase), producer, commits, true, kFresh, kNow);
    return next ? ErrorCode::none : next.error();
  };
  EXPECT_EQ(error(ongoing, kSelf, true), ErrorCode::none);
  EXPECT_EQ(error(ongoing, kBefore, true), ErrorCode::producer_fenced);
  EXPECT_EQ(error(empty, kSelf, true), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(empty, kSelf, false), ErrorCode::none);
  EXPECT_EQ(error(empty, kBefore, false), ErrorCode::producer_fenced);
  EXPECT_EQ(error(prepare_commit, kBefore, true), ErrorCode::concurrent_transactions);
  EXPECT_EQ(error(prepare_commit, kBefore, false), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(prepare_commit, kSelf, true), ErrorCode::producer_fenced);
  EXPECT_EQ(error(complete_commit, kBefore, true), ErrorCode::none);
  EXPECT_EQ(error(complete_commit, kBefore, false), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(complete_commit, kSelf, true), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(complete_commit, kSelf, false), ErrorCode::none);
  EXPECT_EQ(error(complete_abort, kBefore, false), ErrorCode::none);
  EXPECT_EQ(error(complete_abort, kBefore, true), ErrorCode::invalid_txn_state);
  EXPECT_EQ(error(complete_abort, kSelf, false), ErrorCode::none);
  EXPECT_EQ(error(ongoing, {ProducerId(8), ProducerEpoch(5)}, true), ErrorCode::invalid_producer_id_mapping);
  const auto ended = end(in(ongoing), kSelf, true, true, kFresh, kNow);
  EXPECT_EQ(ended->phase, prepare_commit);
  EXPECT_EQ(ended->producer.epoch, ProducerEpoch(6));
}

TEST(Transaction, the_last_epoch_of_a_producer_id_gives_way_to_a_fresh_id) {
  const ProducerIdentity last{ProducerId(9), ProducerEpoch(INT16_MAX - 1)};
  const auto prepared = end(in(ongoing, INT16_MAX - 1), last, true, true, kFresh, kNow);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->producer.epoch, ProducerEpoch(INT16_MAX));  // of the markers alone
  const Transaction done = complete(*prepared, kNow);
  EXPECT_EQ(done.producer, (ProducerIdentity{kFresh, ProducerEpoch(0)}));
  EXPECT_EQ(done.previous, ProducerId(9));
  // Its answer was lost.
  const auto again = end(done, last, true, true, ProducerId(71), kNow);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, done);
  EXPECT_TRUE(needs_new_id(in(empty, INT16_MAX - 1)));
  EXPECT_FALSE(needs_new_id(in(empty, INT16_MAX - 2)));
  const auto rotated = initialize(in(complete_commit, INT16_MAX - 1), std::nullopt, 5, kFresh, kNow);
  EXPECT_EQ(rotated->producer, (ProducerIdentity{kFresh, ProducerEpoch(0)}));
}

TEST(Transaction, partitions_are_added_to_what_is_open_or_begin_anew) {
  const TransactionPartitions more{{"c", PartitionIndex(2)}};
  EXPECT_EQ(add_partitions(in(ongoing), kSelf, kPartitions, true, kNow), in(ongoing));
  EXPECT_EQ(add_partitions(in(ongoing), kSelf, more, true, kNow)->partitions.size(), 4U);
  const auto begun = add_partitions(in(complete_abort), kSelf, more, false, kNow);
  EXPECT_EQ(begun->partitions, more);
  EXPECT_EQ(begun->started, kNow);
  EXPECT_EQ(add_partitions(in(prepare_commit), kSelf, more, true, kNow).error(), ErrorCode::concurrent_transactions);
  EXPECT_EQ(add_partitions(in(ongoing), kBefore, more, true, kNow).error(), ErrorCode::producer_fenced);
  EXPECT_EQ(verify_partitions(in(ongoing), kSelf, kPartitions), ErrorCode::none);
  EXPECT_EQ(verify_partitions(in(ongoing), kSelf, more), ErrorCode::transaction_abortable);
  EXPECT_EQ(verify_partitions(in(complete_commit), kSelf, {}), ErrorCode::transaction_abortable);
}

TEST(Transaction, a_fence_is_never_taken_for_a_lost_answer) {
  for (const bool version_2 : {false, true}) {
    Transaction open = in(ongoing);
    open.bumps = version_2;
    const Transaction aborted = complete(fence(open, kNow), kNow);
    EXPECT_EQ(aborted.phase, complete_abort);
    for (const bool commits : {false, true}) {
      const auto ended = end(aborted, kSelf, commits, version_2, kFresh, kNow);
      ASSERT_FALSE(ended);
      EXPECT_EQ(ended.error(), ErrorCode::producer_fenced);
    }
  }
}

TEST(Transaction, survives_its_record) {
  for (const auto phase : {empty, ongoing, prepare_commit, prepare_abort, complete_commit, complete_abort}) {
    for (const bool version_2 : {false, true}) {
      Transaction transaction = in(phase);
      transaction.bumps = version_2;
      if (version_2) transaction.previous = ProducerId(3);
      transaction.updated = kNow;
      transaction.started = UnixMillis(900);
      const auto record = transaction_record("id", transaction);
      ASSERT_TRUE(record);
      EXPECT_EQ(decode_transaction_key(record->key).value(), "id");
      EXPECT_EQ(decode_transaction(*record->value).value(), transaction);
    }
  }
}

}  // namespace
}  // namespace chronik::coord
