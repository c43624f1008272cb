// Append, sync, recover, read: against a model, with crashes at any point.
#include "log/segment_store.h"

#include <gtest/gtest.h>

#include "log/segment_names.h"
#include "log/segment_rig_for_test.h"

namespace chronik::log {
namespace {

void expect_reads(Rig& rig, SegmentStore& store, const ModelLog& model, Offset from, Offset limit, std::size_t max) {
  const auto run = rig.run(store.read(from, limit, max, rig.soon()));
  ASSERT_TRUE(run) << run.error().message();
  ASSERT_EQ(text_of(*run), model.read(from, limit, max)) << "from " << from.value() << " max " << max;
  ASSERT_EQ(run->bytes, text_of(*run).size());
}

void expect_equal(Rig& rig, SegmentStore& store, const ModelLog& model) {
  for (Offset at = store.start(); at.value() < store.end().value();) {
    const auto run = rig.run(store.read(at, Offset(store.end().value()), 3000, rig.soon()));
    ASSERT_TRUE(run) << run.error().message();
    ASSERT_EQ(text_of(*run), model.read(at, Offset(store.end().value()), 3000)) << at.value();
    ASSERT_GT(run->end, at);
    at = run->end;
  }
}

TEST(SegmentStore, reads_at_every_offset_give_whole_batches_within_bytes_max) {
  Rig rig;
  rig.make_root();
  Source source(5);
  ModelLog model;
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(rig.run(store->append(source.extend(model, 8))));
  ASSERT_GT(store->segments().size(), 3U);
  const Offset end(store->end().value());
  for (Offset at(0); at < end; at = at.plus(1)) {
    for (const std::size_t max : {1U, 700U, 5000U, 100000U}) expect_reads(rig, *store, model, at, end, max);
    const Offset limit = at.plus(static_cast<std::int64_t>(source.chance().below(40)));
    expect_reads(rig, *store, model, at, limit, 4000);
  }
  const auto at_end = rig.run(store->read(end, end.plus(10), 100, rig.soon()));
  ASSERT_TRUE(at_end);
  EXPECT_TRUE(at_end->pieces.empty());
  EXPECT_EQ(at_end->end, end);
}

TEST(SegmentStore, what_was_recorded_survives_every_crash_and_nothing_beyond_it_appears) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig(seed);
    rig.make_root();
    Source source(seed);
    ModelLog model;
    ModelLog recorded;
    const Offset first(static_cast<std::int64_t>(source.chance().below(3) * 1000));
    SegmentOptions options = small_options();
    if (seed % 2 == 0) options.index_lag_entries = 5;
    if (seed % 3 == 0) {
      // Most of what is written goes around the page cache.
      options.segment_bytes = 40'000;
      options.direct_bytes_min = 1;
    }
    auto store = rig.store_for(options);
    store->start_empty(first);
    FilePosition position = store->position();
    for (int life = 0; life < 4; ++life) {
      for (std::uint64_t steps = 1 + source.chance().below(6); steps > 0; --steps) {
        ASSERT_TRUE(rig.run(store->append(source.extend(model, source.chance().below(25), first))));
        if (source.chance().chance(1, 2)) {
          ASSERT_TRUE(rig.run(store->sync()));
          position = store->position();
          recorded = model;
        }
      }
      expect_equal(rig, *store, model);
      // Dies in the middle of an append and a sync, or right here.
      const std::uint64_t turns = source.chance().below(40);
      auto in_flight = [](SegmentStore& victim, std::vector<BatchRef> batches) -> task::Task<void> {
        if (co_await victim.append(std::move(batches))) (void)co_await victim.sync();
      };
      ModelLog lost = model;
      rig.context->spawn("victim", in_flight(*store, source.extend(lost, 30, first)));
      for (std::uint64_t i = 0; i < turns; ++i) rig.world->step();
      rig.crash([&] { store.reset(); });
      model = recorded;
      store = rig.store_for(options);
      const Status opened = rig.run(store->recover(position));
      ASSERT_TRUE(opened) << opened.error().message();
      ASSERT_EQ(store->position(), position);
      ASSERT_EQ(store->end(), position.end);
      expect_equal(rig, *store, model);
    }
  }
}

TEST(SegmentStore, segments_roll_by_size_and_by_record_time) {
  Rig rig;
  rig.make_root();
  SegmentOptions options = small_options();
  options.segment_bytes = 1U << 20;
  options.segment_age = std::chrono::milliseconds(1000);
  auto store = rig.store_for(options);
  store->start_empty(Offset(0));
  std::vector<BatchRef> batches;
  for (int i = 0; i < 10; ++i) batches.push_back(make_batch(Offset(i), {{i * 300, "k", "v"}}));
  ASSERT_TRUE(rig.run(store->append(batches)));
  std::vector<std::int64_t> bases;
  for (const auto& segment : store->segments()) bases.push_back(segment.base.value());
  EXPECT_EQ(bases, (std::vector<std::int64_t>{0, 4, 8}));
  EXPECT_EQ(store->segments()[0].max_timestamp, UnixMillis(900));
  EXPECT_EQ(store->segments()[0].end, Offset(4));

  options.segment_bytes = 3 * batches[0].bytes.size();
  options.segment_age = std::chrono::hours(1);
  store->set_options(options);
  std::vector<BatchRef> more;
  for (int i = 10; i < 18; ++i) more.push_back(make_batch(Offset(i), {{i, "k", "v"}}));
  ASSERT_TRUE(rig.run(store->append(more)));
  bases.clear();
  for (const auto& segment : store->segments()) bases.push_back(segment.base.value());
  EXPECT_EQ(bases, (std::vector<std::int64_t>{0, 4, 8, 11, 14, 17}));
}

TEST(SegmentStore, files_are_named_and_filled_as_kafka_does) {
  Rig rig;
  rig.make_root();
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(5));
  const auto batch = make_batch(Offset(5), {{1, "k", "v"}}, LeaderEpoch(2));
  ASSERT_TRUE(rig.run(store->append({batch})));
  ASSERT_TRUE(rig.run(store->append({make_batch(Offset(6), {{2, "k", "w"}}, LeaderEpoch(4))})));
  ASSERT_TRUE(rig.run(store->sync()));
  EXPECT_EQ(store->directory(), "/data/t-0");
  EXPECT_EQ(rig.file("/data/t-0/00000000000000000005.log").substr(0, batch.bytes.size()), text_of(batch));
  EXPECT_EQ(rig.file("/data/t-0/00000000000000000005.index"), "");
  EXPECT_EQ(rig.file("/data/t-0/partition.metadata"), "version: 0\ntopic_id: " + test_id().topic.to_string() + "\n");
  EXPECT_EQ(rig.file("/data/t-0/leader-epoch-checkpoint"), "0\n2\n2 5\n4 6\n");
  EXPECT_EQ(store->epoch_end(LeaderEpoch(1)), std::nullopt);
  EXPECT_EQ(store->epoch_end(LeaderEpoch(3)), std::pair(LeaderEpoch(2), Offset(6)));
  EXPECT_EQ(store->epoch_end(LeaderEpoch(9)), std::pair(LeaderEpoch(4), Offset(7)));
}

TEST(SegmentStore, another_topics_directory_is_refused) {
  Rig rig;
  rig.make_root();
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  ASSERT_TRUE(rig.run(store->append({make_batch(Offset(0), {{1, "k", "v"}})})));
  ASSERT_TRUE(rig.run(store->sync()));
  auto other = rig.store_for(small_options(), test_id(8));
  EXPECT_EQ(rig.run(other->recover(store->position())).error().code, Errc::corrupt);
  auto fresh = rig.store_for(small_options(), test_id(8));
  fresh->start_empty(Offset(0));
  EXPECT_FALSE(rig.run(fresh->append({make_batch(Offset(0), {{1, "k", "v"}})})));
}

TEST(SegmentStore, a_missing_or_short_file_is_corrupt_not_empty) {
  Rig rig;
  rig.make_root();
  Source source(1);
  ModelLog model;
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  ASSERT_TRUE(rig.run(store->append(source.extend(model, 80))));
  ASSERT_TRUE(rig.run(store->sync()));
  const FilePosition position = store->position();
  const auto segments = store->segments();
  ASSERT_GE(segments.size(), 3U);
  store.reset();
  const auto recover = [&](const FilePosition& at) { return rig.run(rig.store_for(small_options())->recover(at)); };

  FilePosition longer = position;
  longer.bytes += 1;
  EXPECT_EQ(recover(longer).error().code, Errc::corrupt);
  const std::string middle = "/data/t-0/" + segment_file_name(segments[1].base, kLogSuffix);
  ASSERT_TRUE(rig.run(task::rename(*rig.context, middle, "/data/aside", rig.soon())));
  EXPECT_EQ(recover(position).error().code, Errc::corrupt);
  ASSERT_TRUE(rig.run(task::rename(*rig.context, "/data/aside", middle, rig.soon())));
  ASSERT_TRUE(rig.run(task::remove_tree(*rig.context, "/data/t-0", rig.soon())));
  EXPECT_EQ(recover(position).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace chronik::log
