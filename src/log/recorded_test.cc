// What the last durable checkpoint record vouches for stays until a later record no longer needs it, whatever was
// synced, removed or compacted since: the record may not get written for long (a full disk), and a start believes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/prng.h"
#include "log/test_rig.h"
#include "task/io.h"

namespace chronik::log {
namespace {

constexpr wal::GroupSequence kAll{UINT64_MAX};

Buffer keyed(const std::string& key, const std::string& value) {
  wire::RecordBatchBuilder builder({});
  builder.add(UnixMillis(1'700'000'000'000), as_bytes(key), as_bytes(value));
  return builder.build().value();
}

// Found by the simulator: world retention, seed 20069.
TEST(Recorded, segments_that_the_record_names_outlive_retention) {
  LogRig rig(1);
  ASSERT_TRUE(rig.open(1));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(rig.produce(0, {"recorded"}));
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(rig.produce(0, {"synced"}));
  ASSERT_TRUE(rig.run(rig.partition(0)->flush(kAll)));  // and no record of it
  ASSERT_TRUE(rig.run(rig.partition(0)->delete_records(Offset(20), rig.in(5s))));
  ASSERT_TRUE(rig.run(rig.partition(0)->remove_unreachable_segments()));
  rig.crash();
  const Status opened = rig.open(1);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(rig.partition(0)->log_start(), LogStartOffset(20));
  EXPECT_EQ(rig.partition(0)->log_end(), LogEndOffset(20));
}

task::Task<Status> put_file(LogRig& rig, std::string directory, std::string file) {
  CO_TRY_STATUS(co_await task::make_directory(*rig.context, "data/" + directory, rig.in(10s)));
  CO_TRY_STATUS(co_await task::write_file_atomically(*rig.context, "data/" + directory, file,
                                                     Buffer::copy_of(as_bytes("x")), rig.in(10s)));
  co_return co_await task::sync_directory(*rig.context, "data", rig.in(10s));
}

// A data directory is also where people keep other things, and where the checkpoint store lives.
TEST(Recorded, a_start_removes_only_directories_that_are_partitions) {
  LogRig rig(1);
  ASSERT_TRUE(rig.open(1));
  ASSERT_TRUE(rig.produce(0, {"x"}));
  ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
  const std::pair<const char*, const char*> others[] = {
      {"checkpoints", "manifest-a"}, {"lost+found", "1"}, {"backup-2025", "all.tar"}, {"notes", "partition.metadata"}};
  for (const auto& [directory, file] : others) ASSERT_TRUE(rig.run(put_file(rig, directory, file)));
  const char* const strays[] = {"gone-0", "gone-1.x-delete"};
  for (const char* stray : strays) ASSERT_TRUE(rig.run(put_file(rig, stray, "00000000000000000000.log")));
  rig.crash();
  ASSERT_TRUE(rig.open(1));
  std::set<std::string> left;
  for (const auto& entry : rig.machine.list("data")) left.insert(entry.name);
  for (const auto& [directory, file] : others) {
    EXPECT_TRUE(left.contains(directory)) << directory;
    EXPECT_EQ(rig.machine.list(std::string("data/") + directory).size(), 1U) << directory;
  }
  for (const char* stray : strays) EXPECT_FALSE(left.contains(stray)) << stray;
  EXPECT_TRUE(left.contains("t-0"));
}

/// Appends, flushes with and without a record, removals, compactions, power cuts, in any order.
TEST(Recorded, any_start_finds_what_the_record_names) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LogRig rig(seed);
    Prng prng(seed);
    LogConfig config;
    config.segments.segment_bytes = 1500;
    config.compact = seed % 2 == 0;
    config.min_cleanable_dirty_ratio = 0;
    ASSERT_TRUE(rig.open(1, config));
    std::int64_t end = 0;
    std::int64_t start = 0;
    std::map<std::string, std::string> last;
    for (int step = 0; step < 120; ++step) {
      Partition& log = *rig.partition(0);
      const auto choice = prng.below(12);
      if (choice < 5) {
        for (std::uint64_t n = prng.below(8); n > 0; --n) {
          const std::string key = "k" + std::to_string(prng.below(6));
          const std::string value = std::to_string(end) + std::string(prng.below(200), 'v');
          auto appended = log.append_internal(keyed(key, value).span());
          ASSERT_TRUE(appended);
          ASSERT_TRUE(rig.run(rig.log->wal().committed(appended->commit, rig.in(30s))));
          last[key] = value;
          ++end;
        }
      } else if (choice < 7) {
        ASSERT_TRUE(rig.run(log.flush(kAll)));
      } else if (choice < 8) {
        ASSERT_TRUE(rig.run(rig.log->flush_all(rig.in(30s))));
      } else if (choice < 9 && !config.compact) {
        start = std::max(start, prng.chance(1, 2) ? end : start + static_cast<std::int64_t>(prng.below(10)));
        start = std::min(start, end);
        ASSERT_TRUE(rig.run(log.delete_records(Offset(start), rig.in(5s))));
        ASSERT_TRUE(rig.run(log.remove_unreachable_segments()));
      } else if (choice < 10) {
        const auto compacted = rig.run(log.compact(rig.context->wall_now()));
        ASSERT_TRUE(compacted) << compacted.error().message();
      } else if (choice < 11) {
        rig.crash();
        const Status opened = rig.open(1, config);
        ASSERT_TRUE(opened) << "step " << step << ": " << opened.error().message();
        ASSERT_EQ(rig.partition(0)->log_end().value(), end);
        ASSERT_EQ(rig.partition(0)->log_start().value(), start);
        const auto records = rig.read_all(0);
        ASSERT_TRUE(records) << records.error().message();
        if (!config.compact) ASSERT_EQ(records->size(), static_cast<std::size_t>(end - start)) << "step " << step;
        for (const auto& [key, value] : last) {
          const bool there = std::ranges::any_of(*records, [&](const auto& item) { return item.second == value; });
          if (config.compact) ASSERT_TRUE(there) << "step " << step << " " << key;
        }
      }
    }
  }
}

}  // namespace
}  // namespace chronik::log
