// When a partition's compaction begins, what it leaves alone, and that flushing does not wait for it.
#include <gtest/gtest.h>

#include <map>

#include "log/test_rig.h"

namespace chronik::log {
namespace {

Buffer keyed(const std::string& key, const std::optional<std::string>& value, UnixMillis at) {
  wire::RecordBatchBuilder builder({});
  builder.add(at, as_bytes(key), value ? std::optional(as_bytes(*value)) : std::nullopt);
  return builder.build().value();
}

LogConfig compacted() {
  LogConfig config;
  config.segments.segment_bytes = 2000;
  config.compact = true;
  config.remove = false;
  return config;
}

class CompactionRig : public LogRig {
 public:
  using LogRig::LogRig;
  Partition& log_() { return *partition(0); }
  UnixMillis now() { return context->wall_now(); }
  void put(const std::string& key, const std::string& value) {
    const auto appended = log_().append_internal(keyed(key, value, now()).span());
    ASSERT_TRUE(appended) << appended.error().detail;
    ASSERT_TRUE(run(log->wal().committed(appended->commit, in(30s))));
  }
  /// `rounds` values for each of `keys` keys, in files.
  void fill(int keys, int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (int key = 0; key < keys; ++key) put("key-" + std::to_string(key), std::to_string(round));
    }
    ASSERT_TRUE(run(log->flush_all(in(30s))));
  }
  /// The last value of each key, and how many records there are.
  std::pair<std::map<std::string, std::string>, int> contents() {
    std::map<std::string, std::string> last;
    int count = 0;
    Offset from(log_().log_start().value());
    while (from.value() < log_().high_watermark().value()) {
      const Run got = run(log_().read(from, 1U << 20, in(30s))).value();
      if (got.bytes == 0) break;
      for (const Buffer& piece : got.pieces) {
        wire::BatchSplitter splitter(piece.span());
        while (const auto batch = splitter.next().value()) {
          auto reader = wire::RecordReader::open(batch->bytes, 1U << 20).value();
          wire::RecordView record;
          while (reader.next(record).value()) {
            last[std::string(as_text(*record.key))] = std::string(as_text(*record.value));
            ++count;
          }
        }
      }
      from = got.end;
    }
    return {last, count};
  }
};

TEST(PartitionCompaction, begins_by_itself_and_keeps_the_last_value_of_each_key) {
  CompactionRig rig(1);
  ASSERT_TRUE(rig.open(1, compacted()));
  rig.fill(10, 30);
  const auto before = rig.contents();
  EXPECT_EQ(before.second, 300);
  rig.log->request_retention();
  rig.world->run_for(10s);
  const auto after = rig.contents();
  EXPECT_EQ(after.first, before.first);
  EXPECT_LT(after.second, 100);
  // Also after a power cut, and again once there is more.
  rig.crash();
  ASSERT_TRUE(rig.open(1, compacted()));
  EXPECT_EQ(rig.contents(), after);
  rig.fill(10, 30);
  rig.log->request_retention();
  rig.world->run_for(10s);
  EXPECT_LT(rig.contents().second, 100);
}

TEST(PartitionCompaction, waits_for_enough_that_is_new_or_old_enough) {
  LogConfig config = compacted();
  config.min_cleanable_dirty_ratio = 0.9;
  CompactionRig rig(2);
  ASSERT_TRUE(rig.open(1, config));
  rig.fill(10, 20);
  EXPECT_TRUE(rig.log_().wants_compaction(rig.now()));  // all of it is new
  ASSERT_TRUE(rig.run(rig.log_().compact(rig.now())).has_value());
  EXPECT_FALSE(rig.log_().wants_compaction(rig.now()));
  rig.fill(10, 3);
  EXPECT_FALSE(rig.log_().wants_compaction(rig.now()));
  config.max_compaction_lag_ms = 60'000;
  rig.log_().set_config(config);
  EXPECT_FALSE(rig.log_().wants_compaction(rig.now()));
  rig.world->run_for(61s);
  EXPECT_TRUE(rig.log_().wants_compaction(rig.now()));
}

TEST(PartitionCompaction, leaves_young_records_alone) {
  LogConfig config = compacted();
  config.min_compaction_lag_ms = 3'600'000;
  CompactionRig rig(3);
  ASSERT_TRUE(rig.open(1, config));
  rig.fill(10, 20);
  EXPECT_FALSE(rig.log_().wants_compaction(rig.now()));
  rig.world->run_for(1h);
  EXPECT_TRUE(rig.log_().wants_compaction(rig.now()));
}

TEST(PartitionCompaction, records_without_a_key_are_refused) {
  CompactionRig rig(4);
  ASSERT_TRUE(rig.open(1, compacted()));
  const auto refused = rig.produce(0, {"no key"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_record);
}

TEST(PartitionCompaction, with_delete_segments_go_by_age_too) {
  LogConfig config = compacted();
  config.retention_ms = 10'000;
  CompactionRig rig(5);
  ASSERT_TRUE(rig.open(1, config));
  rig.fill(10, 20);
  rig.world->run_for(20s);
  ASSERT_TRUE(rig.run(rig.log_().apply_retention(rig.now(), rig.in(30s))));
  EXPECT_EQ(rig.log_().log_start(), LogStartOffset(0));
  config.remove = true;
  rig.log_().set_config(config);
  ASSERT_TRUE(rig.run(rig.log_().apply_retention(rig.now(), rig.in(30s))));
  EXPECT_GT(rig.log_().log_start(), LogStartOffset(0));
}

TEST(PartitionCompaction, begins_soon_after_segments_are_closed) {
  CompactionRig rig(7);
  ASSERT_TRUE(rig.open(1, compacted()));
  rig.fill(20, 60);
  rig.world->run_for(20s);  // the backoff, and far from the check of retention
  const auto [last, count] = rig.contents();
  EXPECT_EQ(last.size(), 20U);
  EXPECT_LT(count, 300);
}

TEST(PartitionCompaction, writers_go_on_meanwhile) {
  CompactionRig rig(6);
  ASSERT_TRUE(rig.open(1, compacted()));
  rig.fill(20, 60);
  rig.log->request_retention();
  // Whatever the compactor does, the log takes and flushes more than the write-ahead log holds.
  for (int i = 0; i < 40; ++i) {
    for (int k = 0; k < 20; ++k) rig.put("key-" + std::to_string(k), std::string(500, 'x'));
    ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  }
  rig.world->run_for(10s);
  for (const auto& [key, value] : rig.contents().first) EXPECT_EQ(value, std::string(500, 'x')) << key;
}

}  // namespace
}  // namespace chronik::log
