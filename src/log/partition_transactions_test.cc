// Transactions of one partition: what readers of each kind see, through flushes, restarts and power cuts; and that no
// batch opens a transaction which nobody would end.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/prng.h"
#include "log/test_rig.h"

namespace chronik::log {
namespace {

constexpr ProducerId kProducer{42};
constexpr ProducerId kOther{43};

Buffer transactional(const std::string& value, ProducerId producer, std::int16_t epoch, std::int32_t sequence) {
  wire::BatchOptions options;
  options.producer_id = producer;
  options.producer_epoch = ProducerEpoch(epoch);
  options.base_sequence = sequence;
  options.transactional = true;
  wire::RecordBatchBuilder builder(options);
  builder.add(UnixMillis(1'700'000'000'000), std::nullopt, as_bytes(value));
  return builder.build().value();
}

class TransactionRig : public LogRig {
 public:
  using LogRig::LogRig;

  Partition& log_() { return *partition(0); }
  /// Appends with a pass, as after a verification, and waits for the disk.
  std::expected<Appended, Rejection> write(const std::string& value, ProducerId producer, std::int32_t sequence,
                                           std::int16_t epoch = 0) {
    const auto pass = log_().begin_verification(producer, ProducerEpoch(epoch));
    return settle(log_().append_internal(transactional(value, producer, epoch, sequence).span(), Origin::client,
                                         pass.value_or(kNoPass)));
  }
  std::expected<Appended, Rejection> mark(ProducerId producer, bool commits, std::int16_t epoch = 0,
                                          std::int32_t coordinator_epoch = 0) {
    return settle(log_().append_marker(producer, ProducerEpoch(epoch), commits, coordinator_epoch));
  }
  /// Values that a reader of that isolation gets, once aborted transactions are left out as a client would.
  std::vector<std::string> committed_values() {
    std::vector<std::string> values;
    Offset from(log_().log_start().value());
    while (from < log_().visible_end(Isolation::committed)) {
      const Run got = run(log_().read(from, 1U << 20, in(30s), Isolation::committed)).value();
      EXPECT_GT(got.bytes, 0U);
      if (got.bytes == 0) break;
      const auto aborted = log_().aborted_in(from, got.end);
      for (const Buffer& piece : got.pieces) collect_committed(piece, aborted, values);
      from = got.end;
    }
    return values;
  }

 private:
  std::expected<Appended, Rejection> settle(std::expected<Appended, Rejection> appended) {
    if (appended && appended->commit) EXPECT_TRUE(run(log->wal().committed(appended->commit, in(30s))));
    return appended;
  }
  static void collect_committed(const Buffer& piece, const std::vector<AbortedTransaction>& aborted,
                                std::vector<std::string>& values) {
    wire::BatchSplitter splitter(piece.span());
    while (const auto batch = splitter.next().value()) {
      const auto& header = batch->header;
      const auto hit = std::ranges::any_of(aborted, [&](const AbortedTransaction& a) {
        return a.producer == header.producer_id && a.first <= header.base_offset && header.base_offset < a.marker;
      });
      if (header.is_control() || (header.is_transactional() && hit)) continue;
      auto reader = wire::RecordReader::open(batch->bytes, 1U << 20).value();
      wire::RecordView record;
      while (reader.next(record).value()) values.emplace_back(as_text(record.value.value_or(ByteSpan{})));
    }
  }
};

using Values = std::vector<std::string>;

TEST(PartitionTransactions, an_open_transaction_holds_the_last_stable_offset_back) {
  TransactionRig rig(1);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.produce(0, {"plain"}));
  ASSERT_TRUE(rig.write("a", kProducer, 0));
  ASSERT_TRUE(rig.produce(0, {"later"}));
  EXPECT_EQ(rig.log_().last_stable_offset(), LastStableOffset(1));
  EXPECT_EQ(rig.log_().high_watermark(), HighWatermark(3));
  EXPECT_EQ(rig.committed_values(), Values{"plain"});
  EXPECT_EQ(rig.log_().readable_bytes(Offset(1), Isolation::committed), 0U);
  ASSERT_TRUE(rig.mark(kProducer, true));
  EXPECT_EQ(rig.log_().last_stable_offset(), LastStableOffset(4));
  EXPECT_EQ(rig.committed_values(), (Values{"plain", "a", "later"}));
}

TEST(PartitionTransactions, an_end_counts_only_once_it_is_durable) {
  TransactionRig rig(2);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.write("a", kProducer, 0));
  const auto marker = rig.log_().append_marker(kProducer, ProducerEpoch(0), true, 0);
  ASSERT_TRUE(marker);
  EXPECT_EQ(rig.log_().last_stable_offset(), LastStableOffset(0));
  ASSERT_TRUE(rig.run(rig.log->wal().committed(marker->commit, rig.in(5s))));
  EXPECT_EQ(rig.log_().last_stable_offset(), LastStableOffset(2));
}

TEST(PartitionTransactions, aborted_records_are_named_to_those_who_read_over_them_and_to_nobody_else) {
  TransactionRig rig(3);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.write("a", kProducer, 0));  // 0
  ASSERT_TRUE(rig.write("x", kOther, 0));     // 1
  ASSERT_TRUE(rig.mark(kProducer, false));    // 2
  ASSERT_TRUE(rig.mark(kOther, true));        // 3
  ASSERT_TRUE(rig.write("b", kProducer, 1));  // 4
  ASSERT_TRUE(rig.mark(kProducer, true));     // 5
  EXPECT_EQ(rig.committed_values(), (Values{"x", "b"}));
  ASSERT_EQ(rig.log_().aborted_in(Offset(0), Offset(6)).size(), 1U);
  EXPECT_EQ(rig.log_().aborted_in(Offset(0), Offset(6)).front().first, Offset(0));
  EXPECT_EQ(rig.log_().aborted_in(Offset(2), Offset(3)).size(), 1U);
  EXPECT_TRUE(rig.log_().aborted_in(Offset(3), Offset(6)).empty());
}

TEST(PartitionTransactions, a_first_write_without_a_pass_is_refused) {
  TransactionRig rig(4);
  ASSERT_TRUE(rig.open(1));
  const auto batch = transactional("a", kProducer, 0, 0);
  const auto refused = rig.log_().append_internal(batch.span());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_txn_state);
}

TEST(PartitionTransactions, a_pass_is_void_once_the_transaction_has_ended) {
  TransactionRig rig(5);
  ASSERT_TRUE(rig.open(1));
  const auto pass = rig.log_().begin_verification(kProducer, ProducerEpoch(0));
  ASSERT_TRUE(pass);
  ASSERT_TRUE(rig.mark(kProducer, false));
  const auto late = rig.log_().append_internal(transactional("a", kProducer, 0, 0).span(), Origin::client, *pass);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::invalid_txn_state);
  EXPECT_EQ(rig.log_().last_stable_offset(), LastStableOffset(1));
}

TEST(PartitionTransactions, a_marker_of_a_newer_epoch_fences_the_older_one) {
  TransactionRig rig(6);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.write("a", kProducer, 0, 3));
  ASSERT_TRUE(rig.mark(kProducer, false, 4));
  const auto zombie = rig.write("b", kProducer, 1, 3);
  ASSERT_FALSE(zombie);
  EXPECT_EQ(zombie.error().code, ErrorCode::invalid_producer_epoch);
  EXPECT_FALSE(rig.mark(kProducer, true, 3));
  EXPECT_TRUE(rig.write("c", kProducer, 0, 4));
}

TEST(PartitionTransactions, a_marker_written_twice_is_in_the_log_once) {
  TransactionRig rig(7);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.write("a", kProducer, 0));
  ASSERT_TRUE(rig.mark(kProducer, true));
  ASSERT_TRUE(rig.mark(kProducer, true));
  EXPECT_EQ(rig.log_().log_end(), LogEndOffset(2));
  // In the same epoch sequences go on across transactions.
  ASSERT_TRUE(rig.write("b", kProducer, 1));
}

/// Kept beside the producer's epochs, which come and go; from the write-ahead log and from the checkpoint record.
TEST(PartitionTransactions, the_coordinator_epoch_of_the_last_marker_survives_everything) {
  TransactionRig rig(9);
  ASSERT_TRUE(rig.open(1));
  const auto known = [&] { return rig.log_().producers().find(kProducer)->coordinator_epoch; };
  const auto restart = [&] {
    rig.crash();
    ASSERT_TRUE(rig.open(1));
  };
  ASSERT_TRUE(rig.write("a", kProducer, 0));
  EXPECT_EQ(known(), kNoCoordinatorEpoch);
  ASSERT_TRUE(rig.mark(kProducer, true, 0, 7));
  EXPECT_EQ(known(), 7);
  restart();
  EXPECT_EQ(known(), 7) << "replayed";
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  restart();
  EXPECT_EQ(known(), 7) << "from the checkpoint record";
  ASSERT_TRUE(rig.write("b", kProducer, 0, 1));
  EXPECT_EQ(known(), 7) << "in a newer epoch of the producer";
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  ASSERT_TRUE(rig.mark(kProducer, false, 1, 8));
  EXPECT_EQ(known(), 8);
  restart();
  EXPECT_EQ(known(), 8) << "replayed behind a checkpoint record";
}

TEST(PartitionTransactions, plain_batches_of_a_producer_in_a_transaction_are_refused) {
  TransactionRig rig(8);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.write("a", kProducer, 0));
  const auto plain = rig.produce(0, {"b"}, kProducer, 1);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code, ErrorCode::invalid_txn_state);
}

/// Whatever the interleaving of transactions, flushes, restarts and power cuts: a reader of committed records sees
/// those of committed transactions, all of them, in order, and no others.
TEST(PartitionTransactions, committed_readers_see_exactly_the_committed_transactions) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TransactionRig rig(seed);
    LogConfig config;
    config.segments.segment_bytes = 2000;
    ASSERT_TRUE(rig.open(1, config));
    Prng prng(seed);
    struct Producer {
      std::int32_t sequence = 0;
      std::vector<std::pair<std::int64_t, std::string>> open;
    };
    std::map<std::int64_t, Producer> producers;
    std::map<std::int64_t, std::string> decided;
    int next_value = 0;
    for (int step = 0; step < 60; ++step) {
      const auto id = static_cast<std::int64_t>(prng.below(3)) + 1;
      Producer& producer = producers[id];
      const auto choice = prng.below(10);
      if (choice < 5) {
        const std::string value = "v" + std::to_string(next_value++);
        const auto written = rig.write(value, ProducerId(id), producer.sequence);
        ASSERT_TRUE(written) << written.error().detail;
        ++producer.sequence;
        producer.open.emplace_back(written->base.value(), value);
      } else if (choice < 8) {
        const bool commits = prng.below(2) == 0;
        ASSERT_TRUE(rig.mark(ProducerId(id), commits));
        if (commits) decided.insert(producer.open.begin(), producer.open.end());
        producer.open.clear();
      } else if (choice < 9) {
        ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
      } else {
        rig.crash();
        ASSERT_TRUE(rig.open(1, config));
      }
      std::int64_t stable = rig.log_().high_watermark().value();
      for (const auto& [who, state] : producers) {
        if (!state.open.empty()) stable = std::min(stable, state.open.front().first);
      }
      ASSERT_EQ(rig.log_().last_stable_offset().value(), stable);
      Values expected;
      for (const auto& [offset, value] : decided) {
        if (offset < stable) expected.push_back(value);
      }
      ASSERT_EQ(rig.committed_values(), expected) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace chronik::log
