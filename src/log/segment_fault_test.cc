// Disks that are full, broken or silent; removal beside readers; deletion; what an idle store costs.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>

#include "log/segment_names.h"
#include "log/segment_rig_for_test.h"

namespace chronik::log {
namespace {

struct SegmentFaults : testing::Test {
  void open(std::uint64_t seed = 1) {
    rig.make_root();
    source.emplace(seed);
    store = rig.store_for(options);
    store->start_empty(Offset(0));
  }
  void append_and_sync(std::size_t batches) {
    ASSERT_TRUE(rig.run(store->append(source->extend(model, batches))));
    ASSERT_TRUE(rig.record(*store));
    position = store->position();
  }
  void reopen() {
    store = rig.store_for(options);
    const Status opened = rig.run(store->recover(position));
    ASSERT_TRUE(opened) << opened.error().message();
  }
  void expect_model() {
    Offset at = store->start();
    while (at.value() < store->end().value()) {
      const auto run = rig.run(store->read(at, model.end(), 5000, rig.soon()));
      ASSERT_TRUE(run) << run.error().message();
      ASSERT_EQ(text_of(*run), model.read(at, model.end(), 5000));
      at = run->end;
    }
    ASSERT_EQ(at, model.end());
  }
  void set_stalled(bool stalled) {
    rig.machine.disk_faults().stalled = stalled;
    rig.machine.disk_faults_changed();
  }

  Rig rig;
  ModelLog model;
  std::optional<Source> source;
  std::unique_ptr<SegmentStore> store;
  FilePosition position;
  SegmentOptions options = small_options();
};

/// Through the page cache and around it.
class SegmentFaultsBothWays : public SegmentFaults, public testing::WithParamInterface<std::uint64_t> {
 protected:
  SegmentFaultsBothWays() {
    options.segment_bytes = 30'000;
    options.direct_bytes_min = GetParam();
  }
};
INSTANTIATE_TEST_SUITE_P(Direct, SegmentFaultsBothWays, testing::Values(1, UINT64_MAX));

TEST_P(SegmentFaultsBothWays, a_full_disk_leaves_the_store_as_it_was_and_is_left_again) {
  open();
  append_and_sync(20);
  std::size_t refused = 0;
  for (int round = 0; round < 60; ++round) {
    ModelLog before = model;
    auto batches = source->extend(model, 40);
    // Room for a part of it, so that it fails in the middle, with segments rolled on the way.
    std::uint64_t room = source->chance().below(8) * 4096;
    const env::Space space = rig.run(task::space(*rig.context, rig.root, rig.soon())).value();
    const std::uint64_t used = space.total - space.free;
    for (;;) {
      rig.machine.disk_faults().capacity = used + room;
      rig.machine.disk_faults_changed();
      const auto segments = store->segments().size();
      const Status status = rig.run(store->append(batches));
      if (status) break;
      ++refused;
      ASSERT_EQ(status.error().code, Errc::disk_full);
      ASSERT_EQ(store->end().value(), before.end().value());
      ASSERT_EQ(store->segments().size(), segments);
      room += 8192;
    }
    rig.machine.disk_faults().capacity = 1ULL << 40;
    rig.machine.disk_faults_changed();
    if (source->chance().chance(1, 2)) {
      ASSERT_TRUE(rig.run(store->sync()));
      position = store->position();
    }
  }
  EXPECT_GT(refused, 20U);
  ASSERT_TRUE(rig.run(store->sync()));
  position = store->position();
  expect_model();
  rig.crash([&] { store.reset(); });
  reopen();
  expect_model();
}

TEST_F(SegmentFaults, a_sync_without_room_for_the_index_may_be_repeated) {
  open();
  ASSERT_TRUE(rig.run(store->append(source->extend(model, 200))));
  rig.machine.disk_faults().capacity = 4096;
  rig.machine.disk_faults_changed();
  const Status full = rig.run(store->sync());
  ASSERT_FALSE(full);
  ASSERT_EQ(full.error().code, Errc::disk_full);
  rig.machine.disk_faults().capacity = 1ULL << 40;
  rig.machine.disk_faults_changed();
  ASSERT_TRUE(rig.run(store->sync()));
  position = store->position();
  rig.crash([&] { store.reset(); });
  reopen();
  expect_model();
}

TEST_P(SegmentFaultsBothWays, a_failed_write_or_sync_is_final_and_what_was_synced_stays_readable) {
  for (const bool fail_sync : {true, false}) {
    Rig world(fail_sync ? 1 : 2);
    world.make_root();
    Source batches(4);
    ModelLog all;
    auto victim = world.store_for(options);
    victim->start_empty(Offset(0));
    ASSERT_TRUE(world.run(victim->append(batches.extend(all, 30))));
    ASSERT_TRUE(world.run(victim->sync()));
    const ModelLog synced = all;
    const FilePosition at = victim->position();
    if (fail_sync) ASSERT_TRUE(world.run(victim->append(batches.extend(all, 5))));
    (fail_sync ? world.machine.disk_faults().fail_syncs : world.machine.disk_faults().fail_writes) = true;
    const Status failed = fail_sync ? world.run(victim->sync()) : world.run(victim->append(batches.extend(all, 5)));
    ASSERT_EQ(failed.error().code, Errc::storage_failed);
    world.machine.disk_faults().fail_syncs = world.machine.disk_faults().fail_writes = false;
    world.machine.disk_faults_changed();
    EXPECT_EQ(world.run(victim->sync()).error().code, Errc::storage_failed);
    EXPECT_EQ(world.run(victim->append({})).error().code, Errc::storage_failed);
    EXPECT_EQ(world.run(victim->remove_before(Offset(1000))).error().code, Errc::storage_failed);
    EXPECT_EQ(victim->position(), at);
    const auto run = world.run(victim->read(Offset(0), all.end(), 1U << 20, world.soon()));
    ASSERT_TRUE(run);
    EXPECT_EQ(text_of(*run), synced.read(Offset(0), synced.end(), 1U << 20));
  }
}

TEST_F(SegmentFaults, a_stalled_disk_ends_waits_by_the_deadline) {
  open();
  append_and_sync(30);
  // Nothing open, nothing loaded.
  rig.cache = std::make_shared<SegmentCache>();
  reopen();
  set_stalled(true);
  const Instant begin = rig.context->now();
  const auto read = rig.run(store->read(Offset(3), model.end(), 100, rig.context->after(2s)));
  EXPECT_EQ(read.error().code, Errc::timed_out);
  EXPECT_LE(rig.context->now() - begin, 2100ms);
  const auto found = rig.run(store->find_timestamp(UnixMillis(0), model.end(), rig.context->after(2s)));
  EXPECT_EQ(found.error().code, Errc::timed_out);
  set_stalled(false);
  expect_model();
  EXPECT_TRUE(rig.run(store->sync())) << "reads that timed out poison nothing";

  set_stalled(true);
  const Instant write_begin = rig.context->now();
  const Status append = rig.run(store->append(source->extend(model, 3)));
  EXPECT_EQ(append.error().code, Errc::storage_failed);
  EXPECT_LE(rig.context->now() - write_begin, 11s);
  set_stalled(false);
  EXPECT_EQ(rig.run(store->append({})).error().code, Errc::storage_failed);
}

TEST_F(SegmentFaults, removal_takes_whole_segments_and_spares_what_reads_hold) {
  open();
  append_and_sync(120);
  const auto segments = store->segments();
  ASSERT_GE(segments.size(), 5U);
  // Many readers of what is about to go.
  std::vector<std::shared_ptr<std::optional<Result<log::Run>>>> reads;
  const auto reader = [](SegmentStore& from, Offset at, Deadline until,
                         std::shared_ptr<std::optional<Result<log::Run>>> into) -> task::Task<void> {
    into->emplace(co_await from.read(at, Offset(INT64_MAX), 2000, until));
  };
  const auto spawn_readers = [&] {
    for (Offset at = store->start(); at < segments[3].base; at = at.plus(3)) {
      reads.push_back(std::make_shared<std::optional<Result<log::Run>>>());
      rig.context->spawn("reader", reader(*store, at, rig.soon(), reads.back()));
    }
  };
  spawn_readers();
  for (int i = 0; i < 3; ++i) rig.world->step();
  const Offset middle = segments[3].base.plus(1);
  ASSERT_TRUE(rig.run(store->remove_before(middle)));
  rig.world->run_for(5s);
  std::size_t served = 0;
  for (const auto& read : reads) {
    ASSERT_TRUE(read->has_value());
    if (!**read) {
      ASSERT_EQ((**read).error().code, Errc::out_of_range) << (**read).error().message();
      continue;
    }
    ++served;
    const log::Run& run = ***read;
    ASSERT_FALSE(run.pieces.empty());
    const auto first = wire::parse_batch_header(run.pieces[0].span()).value().base_offset;
    ASSERT_EQ(text_of(run), model.read(first, run.end, 1U << 30));
  }
  EXPECT_GT(served, 0U);
  EXPECT_EQ(store->start(), segments[3].base);
  EXPECT_EQ(rig.run(store->read(Offset(0), model.end(), 100, rig.soon())).error().code, Errc::out_of_range);
  expect_model();
  for (const auto& entry : rig.list("/data/t-0")) {
    const auto name = parse_segment_file_name(entry.name);
    EXPECT_TRUE(!name || name->base >= segments[3].base) << entry.name;
  }
  const auto before = store->epoch_end(LeaderEpoch(1000));
  rig.crash([&] { store.reset(); });
  reopen();
  EXPECT_EQ(store->start(), segments[3].base);
  EXPECT_EQ(store->epoch_end(LeaderEpoch(1000)), before);
  expect_model();
}

TEST_F(SegmentFaults, removal_killed_at_any_point_leaves_a_whole_suffix) {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    Rig world(seed);
    world.make_root();
    Source batches(seed);
    ModelLog all;
    auto victim = world.store_for(options);
    victim->start_empty(Offset(0));
    ASSERT_TRUE(world.run(victim->append(batches.extend(all, 60))));
    ASSERT_TRUE(world.record(*victim));
    const FilePosition at = victim->position();
    const bool everything = seed % 2 == 0;
    const Offset target = everything ? all.end() : victim->segments()[2].base;
    auto remove = [](SegmentStore& from, Offset below) -> task::Task<void> {
      (void)co_await from.remove_before(below);
    };
    world.context->spawn("remove", remove(*victim, target));
    for (std::uint64_t i = world.world->prng().below(40); i > 0; --i) world.world->step();
    world.crash([&] { victim.reset(); });
    victim = world.store_for(options);
    const Status opened = world.run(victim->recover(at));
    ASSERT_TRUE(opened) << opened.error().message();
    ASSERT_EQ(victim->end(), at.end);
    // The owner repeats the removal, and goes on.
    ASSERT_TRUE(world.run(victim->remove_before(target)));
    ASSERT_EQ(victim->start(), target);
    ASSERT_TRUE(world.run(victim->append(batches.extend(all, 30))));
    ASSERT_TRUE(world.record(*victim));
    const FilePosition later = victim->position();
    world.crash([&] { victim.reset(); });
    victim = world.store_for(options);
    ASSERT_TRUE(world.run(victim->recover(later)));
    ASSERT_EQ(victim->start(), target);
    for (Offset from = target; from < all.end();) {
      const auto run = world.run(victim->read(from, all.end(), 3000, world.soon()));
      ASSERT_TRUE(run) << run.error().message();
      ASSERT_EQ(text_of(*run), all.read(from, all.end(), 3000));
      from = run->end;
    }
  }
}

TEST_F(SegmentFaults, destroy_killed_at_any_point_leaves_the_old_name_whole_or_gone) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Rig world(seed);
    world.make_root();
    Source batches(seed);
    ModelLog all;
    auto victim = world.store_for(options);
    victim->start_empty(Offset(0));
    ASSERT_TRUE(world.run(victim->append(batches.extend(all, 60))));
    ASSERT_TRUE(world.record(*victim));
    const FilePosition at = victim->position();
    auto finished = std::make_shared<bool>(false);
    auto destroy = [](SegmentStore& store, std::shared_ptr<bool> done) -> task::Task<void> {
      *done = (co_await store.destroy()).has_value();
    };
    world.context->spawn("destroy", destroy(*victim, finished));
    for (std::uint64_t i = world.world->prng().below(60); i > 0; --i) world.world->step();
    world.crash([&] { victim.reset(); });
    const auto entries = world.list("/data");
    const bool alive = std::ranges::any_of(entries, [](const auto& entry) { return entry.name == "t-0"; });
    for (const auto& entry : entries) {
      EXPECT_TRUE(entry.name == "t-0" || entry.name.ends_with(kDeletedDirectorySuffix)) << entry.name;
    }
    ASSERT_FALSE(alive && *finished);
    victim = world.store_for(options);
    if (alive) {
      ASSERT_TRUE(world.run(victim->recover(at)));
      const auto run = world.run(victim->read(Offset(0), all.end(), 1U << 30, world.soon()));
      ASSERT_TRUE(run);
      ASSERT_EQ(text_of(*run), all.read(Offset(0), all.end(), 1U << 30));
      ASSERT_TRUE(world.run(victim->destroy()));
    }
    EXPECT_EQ(world.run(task::list(*world.context, "/data/t-0", world.soon())).error().code, Errc::not_found);
  }
}

TEST_F(SegmentFaults, a_name_too_long_for_its_grave_is_cut) {
  const std::string topic(249, 'x');
  rig.make_root();
  auto longest = rig.store_for(small_options(), test_id(), topic);
  longest->start_empty(Offset(0));
  ASSERT_TRUE(rig.run(longest->append({make_batch(Offset(0), {{1, "k", "v"}})})));
  EXPECT_EQ(deleted_directory_name(topic, test_id()).size(), 255U);
  ASSERT_TRUE(rig.run(longest->destroy()));
  EXPECT_TRUE(rig.list("/data").empty());
}

// lesson: 1,000 topics x 3 partitions: memory per idle partition in KB
TEST(SegmentMemory, three_thousand_idle_stores_cost_little_and_keep_few_files_open) {
  Rig rig;
  rig.make_root();
  constexpr int kStores = 3000;
  std::vector<FilePosition> positions;
  for (int i = 0; i < kStores; ++i) {
    auto store = rig.store_for(small_options(), test_id(), "topic-" + std::to_string(i));
    store->start_empty(Offset(0));
    ASSERT_TRUE(rig.run(store->append({make_batch(Offset(0), {{1, "k", "v"}})})));
    ASSERT_TRUE(rig.run(store->sync()));
    positions.push_back(store->position());
  }
  // Each is opened, read once, and left alone; the simulated disk's own memory does not change by that.
  std::vector<std::unique_ptr<SegmentStore>> stores;
  stores.reserve(kStores);
  rig.cache = std::make_shared<SegmentCache>();
  const auto before = mallinfo2().uordblks;
  for (std::size_t i = 0; i < kStores; ++i) {
    stores.push_back(rig.store_for(small_options(), test_id(), "topic-" + std::to_string(i)));
    ASSERT_TRUE(rig.run(stores.back()->recover(positions[i])));
    ASSERT_TRUE(rig.run(stores.back()->read(Offset(0), Offset(1), 1000, rig.soon())));
  }
  const auto each = (mallinfo2().uordblks - before) / kStores;
  RecordProperty("bytes_per_idle_store", static_cast<int>(each));
  EXPECT_LE(rig.cache->files(), 256U);
#if !defined(__has_feature) || !__has_feature(address_sanitizer)
  EXPECT_LT(each, 2048U);
  EXPECT_GT(each, 100U);
#endif
}

}  // namespace
}  // namespace chronik::log
