// Lookups by time and by leader epoch, against the naive search.
#include <gtest/gtest.h>

#include <algorithm>

#include "log/segment_rig_for_test.h"

namespace chronik::log {
namespace {

using Answer = std::optional<std::pair<std::int64_t, Offset>>;

Answer answer(const Result<std::optional<TimestampOffset>>& found) {
  EXPECT_TRUE(found) << found.error().message();
  if (!found || !*found) return std::nullopt;
  return {{(*found)->timestamp.value(), (*found)->offset}};
}

void expect_lookups(Rig& rig, SegmentStore& store, const ModelLog& model, Prng& chance, int count) {
  const Offset end = model.end();
  for (int i = 0; i < count; ++i) {
    // Limits lie at batch boundaries, as high watermarks do.
    const auto& entry = model.entries[chance.below(model.entries.size())];
    const Offset limit = chance.chance(1, 3) ? end : entry.batch.last.plus(1);
    const auto& target = model.entries[chance.below(model.entries.size())];
    const std::int64_t timestamp =
        target.records[chance.below(target.records.size())].timestamp + static_cast<std::int64_t>(chance.below(3)) - 1;
    ASSERT_EQ(answer(rig.run(store.find_timestamp(UnixMillis(timestamp), limit, rig.soon()))),
              model.find(timestamp, limit))
        << timestamp << " below " << limit.value();
    ASSERT_EQ(answer(rig.run(store.max_timestamp(limit, rig.soon()))), model.newest(limit)) << limit.value();
  }
}

void run_lookups(bool same_time, std::uint64_t segment_bytes) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig(seed);
    rig.make_root();
    Source source(seed, same_time);
    ModelLog model;
    SegmentOptions options = small_options();
    options.segment_bytes = segment_bytes;
    auto store = rig.store_for(options);
    store->start_empty(Offset(0));
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(rig.run(store->append(source.extend(model, 20))));
      if (i % 2 == 0) {
        ASSERT_TRUE(rig.run(store->sync()));
      }
      expect_lookups(rig, *store, model, source.chance(), 30);
    }
    ASSERT_TRUE(rig.run(store->sync()));
    const FilePosition position = store->position();
    rig.crash([&] { store.reset(); });
    store = rig.store_for(options);
    ASSERT_TRUE(rig.run(store->recover(position)));
    expect_lookups(rig, *store, model, source.chance(), 60);
    EXPECT_EQ(answer(rig.run(store->find_timestamp(UnixMillis(INT64_MAX), model.end(), rig.soon()))), std::nullopt);
    EXPECT_EQ(answer(rig.run(store->find_timestamp(UnixMillis(0), Offset(0), rig.soon()))), std::nullopt);
  }
}

TEST(SegmentTime, first_record_at_or_after_a_time_is_found_in_unordered_timestamps) {
  run_lookups(false, 8192);
  run_lookups(false, 1U << 30);
}

TEST(SegmentTime, equal_timestamps_give_the_first_record) {
  run_lookups(true, 8192);
  run_lookups(true, 1U << 30);
}

TEST(SegmentTime, compressed_batches_are_opened) {
  Rig rig;
  rig.make_root();
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  const std::vector<TestRecord> records = {{10, "a", "1"}, {30, "b", "2"}, {20, "c", "3"}};
  ASSERT_TRUE(rig.run(store->append({make_batch(Offset(0), records, LeaderEpoch(6), wire::Codec::zstd)})));
  const auto found = rig.run(store->find_timestamp(UnixMillis(15), Offset(3), rig.soon()));
  EXPECT_EQ(answer(found), Answer({30, Offset(1)}));
  EXPECT_EQ((*found)->leader_epoch, LeaderEpoch(6));
}

TEST(SegmentTime, leader_epochs_are_found_again_without_their_file) {
  Rig rig;
  rig.make_root();
  Source source(3);
  ModelLog model;
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  ASSERT_TRUE(rig.run(store->append(source.extend(model, 200))));
  ASSERT_TRUE(rig.run(store->sync()));
  const FilePosition position = store->position();
  const std::string path = "/data/t-0/leader-epoch-checkpoint";
  const std::string text = rig.file(path);
  ASSERT_GT(std::ranges::count(text, '\n'), 6);
  std::vector<std::pair<LeaderEpoch, Offset>> ends;
  for (int epoch = 0; epoch < 30; ++epoch) {
    if (const auto found = store->epoch_end(LeaderEpoch(epoch))) ends.push_back(*found);
  }
  // Missing, then with each of its bytes wrong.
  ASSERT_TRUE(rig.run(task::remove(*rig.context, path, rig.soon())));
  for (std::size_t at = 0; at <= text.size(); ++at) {
    store = rig.store_for(small_options());
    ASSERT_TRUE(rig.run(store->recover(position)));
    std::vector<std::pair<LeaderEpoch, Offset>> found;
    for (int epoch = 0; epoch < 30; ++epoch) {
      if (const auto one = store->epoch_end(LeaderEpoch(epoch))) found.push_back(*one);
    }
    ASSERT_EQ(found, ends) << at;
    ASSERT_TRUE(rig.run(store->sync()));
    ASSERT_EQ(rig.file(path), text);
    if (at < text.size()) {
      ASSERT_TRUE(rig.machine.flip(path, at, 1));
    }
  }
}

}  // namespace
}  // namespace chronik::log
