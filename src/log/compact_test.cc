// Compaction against a model: the last value of each key, byte-identical batches where nothing went, old or new after a
// kill at any point.
#include "log/compact.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "log/compact_map.h"
#include "log/compact_transactions.h"
#include "log/segment_names.h"
#include "log/segment_rig_for_test.h"
#include "wire/record_reader.h"

namespace chronik::log {
namespace {

struct Seen {
  std::string key;
  std::optional<std::string> value;
  std::int64_t timestamp = 0;
  bool operator==(const Seen&) const = default;
};
using Records = std::map<std::int64_t, Seen>;

/// Every record by offset; checks that batches follow one another without a gap.
Records read_all(Rig& rig, SegmentStore& store) {
  Records records;
  Offset at = store.start();
  while (at.value() < store.end().value()) {
    const auto run = rig.run(store.read(at, Offset(store.end().value()), 7000, rig.soon()));
    if (!run) {
      ADD_FAILURE() << run.error().message();
      return records;
    }
    EXPECT_FALSE(run->pieces.empty());
    if (run->pieces.empty()) return records;
    for (const Buffer& piece : run->pieces) {
      wire::BatchSplitter splitter(piece.span());
      for (auto batch = splitter.next().value(); batch; batch = splitter.next().value()) {
        // Compacted meanwhile, the place where the last read ended may lie inside a batch that covers a hole.
        EXPECT_LE(batch->header.base_offset, at);
        EXPECT_GE(batch->header.last_offset(), at);
        at = batch->header.next_offset();
        auto reader = wire::RecordReader::open(batch->bytes, 1U << 24).value();
        wire::RecordView record;
        while (reader.next(record).value()) {
          Seen seen{record.key ? std::string(as_text(*record.key)) : "(null)", std::nullopt, record.timestamp.value()};
          if (record.value) seen.value = std::string(as_text(*record.value));
          records[record.offset.value()] = seen;
        }
      }
    }
  }
  EXPECT_EQ(at.value(), store.end().value());
  return records;
}

/// What must be left of `all` when records below `end` were compacted. `horizons`: when each tombstone may go.
using Horizons = std::map<std::int64_t, std::int64_t>;
Records compacted(const Records& all, std::int64_t end, std::int64_t now, const Horizons& horizons = {}) {
  std::map<std::string, std::int64_t> last;
  for (const auto& [offset, record] : all) {
    if (offset < end) last[record.key] = offset;
  }
  Records left;
  for (const auto& [offset, record] : all) {
    const auto horizon = horizons.find(offset);
    const bool expired = !record.value && horizon != horizons.end() && horizon->second <= now;
    const bool goes = offset < end && (last[record.key] != offset || expired);
    if (!goes) left[offset] = record;
  }
  return left;
}

struct Keyed {
  explicit Keyed(std::uint64_t seed, std::int64_t now = 1'700'000'000'000) : chance(seed), now_(now) {}

  std::vector<BatchRef> batches(std::size_t count) {
    std::vector<BatchRef> made;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<TestRecord> records(1 + chance.below(6));
      for (TestRecord& record : records) {
        record.timestamp = now_ += 10;
        record.key = "key-" + std::to_string(chance.below(60));
        if (!chance.chance(1, 6))
          record.value = std::string(chance.below(120), static_cast<char>('a' + chance.below(26)));
      }
      if (chance.chance(1, 40)) epoch_ = LeaderEpoch(epoch_.value() + 1);
      made.push_back(make_batch(next_, records, epoch_, chance.chance(1, 3) ? wire::Codec::lz4 : wire::Codec::none));
      next_ = made.back().last.plus(1);
    }
    return made;
  }

  Prng chance;

 private:
  Offset next_{0};
  LeaderEpoch epoch_{1};
  std::int64_t now_;
};

TEST(Compaction, the_last_value_of_each_key_stays_and_offsets_do_not_change) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig(seed);
    rig.make_root();
    Keyed source(seed, rig.context->wall_now().value());
    auto store = rig.store_for(small_options());
    store->start_empty(Offset(0));
    Horizons horizons;
    for (int round = 0; round < 3; ++round) {
      ASSERT_TRUE(rig.run(store->append(source.batches(100))));
      ASSERT_TRUE(rig.record(*store));
      const Records before = read_all(rig, *store);
      const auto bytes = store->bytes();
      const FilePosition position = store->position();
      CompactionOptions options;
      // Half of the time tombstones met now may go in the next round.
      options.delete_retention = source.chance.chance(1, 2) ? Duration(0) : Duration(10h);
      const auto result = rig.run(store->compact(options));
      ASSERT_TRUE(result) << result.error().message();
      EXPECT_EQ(result->cleaned_to, position.segment);
      const std::int64_t now = rig.context->wall_now().value();
      const Records left = compacted(before, result->cleaned_to.value(), now, horizons);
      for (const auto& [offset, record] : left) {
        if (!record.value && offset < result->cleaned_to.value()) {
          horizons.try_emplace(offset, now + options.delete_retention / 1ms);
        }
      }
      ASSERT_EQ(read_all(rig, *store), left);
      EXPECT_LT(store->bytes(), bytes);
      EXPECT_EQ(before.size() - left.size(), result->records_removed);
      EXPECT_EQ(store->position(), position);
      if (seed % 2 == 0) {
        rig.crash([&] { store.reset(); });
        store = rig.store_for(small_options());
        ASSERT_TRUE(rig.run(store->recover(position)));
        ASSERT_EQ(read_all(rig, *store), left);
      }
      // Nothing left to do; but after a start it is not known what was done, and a second look takes tombstones away.
      const auto again = rig.run(store->compact(options));
      ASSERT_TRUE(again);
      const Records then = seed % 2 == 0 ? compacted(left, result->cleaned_to.value(), now + 1000, horizons) : left;
      ASSERT_TRUE(read_all(rig, *store) == then);
    }
  }
}

TEST(Compaction, lookups_by_time_and_epoch_go_on) {
  Rig rig;
  rig.make_root();
  Keyed source(3, rig.context->wall_now().value());
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  ASSERT_TRUE(rig.run(store->append(source.batches(300))));
  ASSERT_TRUE(rig.record(*store));
  std::vector<std::optional<std::pair<LeaderEpoch, Offset>>> ends;
  for (int epoch = 0; epoch < 20; ++epoch) ends.push_back(store->epoch_end(LeaderEpoch(epoch)));
  ASSERT_TRUE(rig.run(store->compact({})));
  const FilePosition position = store->position();
  const Records left = read_all(rig, *store);
  for (const bool reopened : {false, true}) {
    if (reopened) {
      ASSERT_TRUE(rig.run(task::remove(*rig.context, "/data/t-0/leader-epoch-checkpoint", rig.soon())));
      rig.crash([&] { store.reset(); });
      store = rig.store_for(small_options());
      ASSERT_TRUE(rig.run(store->recover(position)));
    }
    for (int epoch = 0; epoch < 20; ++epoch) {
      EXPECT_EQ(store->epoch_end(LeaderEpoch(epoch)), ends[static_cast<std::size_t>(epoch)]) << epoch;
    }
    for (const auto& [offset, record] : left) {
      const auto found = rig.run(store->find_timestamp(UnixMillis(record.timestamp), Offset(INT64_MAX), rig.soon()));
      ASSERT_TRUE(found && *found);
      ASSERT_EQ((*found)->offset.value(), offset);
    }
  }
}

TEST(Compaction, killed_at_any_point_each_segment_is_old_or_new) {
  std::size_t halves = 0;
  for (std::uint64_t seed = 0; seed < 250; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig(seed);
    rig.make_root();
    Keyed source(seed % 10, rig.context->wall_now().value());
    auto store = rig.store_for(small_options());
    store->start_empty(Offset(0));
    ASSERT_TRUE(rig.run(store->append(source.batches(150))));
    ASSERT_TRUE(rig.record(*store));
    const FilePosition position = store->position();
    const Records before = read_all(rig, *store);
    const Records after = compacted(before, position.segment.value(), 0);
    auto compact = [](SegmentStore& of) -> task::Task<void> { (void)co_await of.compact({}); };
    rig.context->spawn("compact", compact(*store));
    for (std::uint64_t steps = rig.world->prng().below(260); steps > 0; --steps) rig.world->step();
    rig.crash([&] { store.reset(); });
    store = rig.store_for(small_options());
    const Status opened = rig.run(store->recover(position));
    ASSERT_TRUE(opened) << opened.error().message();
    const Records found = read_all(rig, *store);
    for (const auto& [offset, record] : after) {
      ASSERT_TRUE(found.contains(offset)) << offset;
      ASSERT_EQ(found.at(offset), record);
    }
    for (const auto& [offset, record] : found) ASSERT_EQ(before.at(offset), record);
    if (found.size() != before.size() && found.size() != after.size()) ++halves;
    for (const auto& entry : rig.list("/data/t-0")) {
      EXPECT_FALSE(entry.name.ends_with(kCleanedSuffix) || entry.name.ends_with(kSwapSuffix)) << entry.name;
    }
    ASSERT_TRUE(rig.run(store->compact({})));
    ASSERT_EQ(read_all(rig, *store), after);
  }
  EXPECT_GT(halves, 5U) << "the kill met a run between two swaps";
}

TEST(Compaction, goes_on_beside_readers_and_writers) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig(seed);
    rig.make_root();
    Keyed source(seed, rig.context->wall_now().value());
    auto store = rig.store_for(small_options());
    store->start_empty(Offset(0));
    ASSERT_TRUE(rig.run(store->append(source.batches(150))));
    ASSERT_TRUE(rig.record(*store));
    auto running = std::make_shared<bool>(true);
    auto compact = [](SegmentStore& of, std::shared_ptr<bool> flag) -> task::Task<void> {
      const auto result = co_await of.compact({});
      EXPECT_TRUE(result) << result.error().message();
      *flag = false;
    };
    const Offset cleaned = store->position().segment;
    rig.context->spawn("compact", compact(*store, running));
    std::size_t rounds = 0;
    while (*running) {
      ASSERT_TRUE(rig.run(store->append(source.batches(3))));
      ASSERT_TRUE(rig.record(*store));
      (void)read_all(rig, *store);
      if (HasFailure()) return;
      const auto newest = rig.run(store->max_timestamp(Offset(INT64_MAX), rig.soon()));
      ASSERT_TRUE(newest) << newest.error().message();
      ASSERT_EQ((*newest)->offset.value() + 1, store->end().value());
      const auto oldest = rig.run(store->find_timestamp(UnixMillis(0), Offset(INT64_MAX), rig.soon()));
      ASSERT_TRUE(oldest) << oldest.error().message();
      ++rounds;
    }
    EXPECT_GT(rounds, 1U);
    const Records left = read_all(rig, *store);
    EXPECT_EQ(compacted(left, cleaned.value(), 0), left);
  }
}

TEST(Compaction, a_small_map_works_in_several_runs) {
  Rig rig;
  rig.make_root();
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  // More keys than 64 KiB hold.
  std::int64_t next = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5000; i += 10) {
      std::vector<TestRecord> records;
      for (int k = i; k < i + 10; ++k) records.push_back({1'000'000, "key-" + std::to_string(k), "v"});
      ASSERT_TRUE(rig.run(store->append({make_batch(Offset(next), records)})));
      next += 10;
    }
  }
  ASSERT_TRUE(rig.record(*store));
  const Records before = read_all(rig, *store);
  CompactionOptions options;
  options.map_bytes = 64U << 10;
  Offset cleaned(0);
  int runs = 0;
  while (cleaned < store->position().segment) {
    const auto result = rig.run(store->compact(options));
    ASSERT_TRUE(result);
    ASSERT_GT(result->cleaned_to, cleaned);
    cleaned = result->cleaned_to;
    ++runs;
  }
  EXPECT_GT(runs, 2);
  // A key seen again in a later run takes its earlier record away all the same.
  EXPECT_EQ(read_all(rig, *store), compacted(before, cleaned.value(), 0));
}

TEST(Compaction, damage_stops_it_and_nothing_is_lost) {
  Rig rig;
  rig.make_root();
  Keyed source(5, rig.context->wall_now().value());
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  ASSERT_TRUE(rig.run(store->append(source.batches(100))));
  ASSERT_TRUE(rig.record(*store));
  const auto segments = store->segments();
  const std::string file = "/data/t-0/" + segment_file_name(segments[1].base, kLogSuffix);
  ASSERT_TRUE(rig.machine.flip(file, 200, 4));
  const auto bytes = rig.file(file);
  EXPECT_EQ(rig.run(store->compact({})).error().code, Errc::corrupt);
  EXPECT_EQ(rig.file(file), bytes);
}

TEST(Compaction, a_full_disk_stops_it_and_gets_its_space_back) {
  Rig rig;
  rig.make_root();
  Keyed source(6, rig.context->wall_now().value());
  auto store = rig.store_for(small_options());
  store->start_empty(Offset(0));
  ASSERT_TRUE(rig.run(store->append(source.batches(100))));
  ASSERT_TRUE(rig.record(*store));
  const Records before = read_all(rig, *store);
  rig.machine.disk_faults().capacity = 1;
  rig.machine.disk_faults_changed();
  EXPECT_EQ(rig.run(store->compact({})).error().code, Errc::disk_full);
  for (const auto& entry : rig.list("/data/t-0")) EXPECT_FALSE(entry.name.ends_with(kCleanedSuffix)) << entry.name;
  EXPECT_EQ(read_all(rig, *store), before);
  rig.machine.disk_faults().capacity = 1ULL << 40;
  rig.machine.disk_faults_changed();
  EXPECT_TRUE(rig.run(store->compact({})));
}

// ---- transactions

BatchRef transactional(Offset base, ProducerId producer, const std::string& key, const std::string& value) {
  wire::BatchOptions options;
  options.base_offset = base;
  options.leader_epoch = LeaderEpoch(0);
  options.producer_id = producer;
  options.producer_epoch = ProducerEpoch(0);
  options.base_sequence = 0;
  options.transactional = true;
  wire::RecordBatchBuilder builder(options);
  builder.add(UnixMillis(1000), as_bytes(key), as_bytes(value));
  const Buffer bytes = builder.build().value();
  return {bytes, base, base, UnixMillis(1000), LeaderEpoch(0)};
}

BatchRef marker(Offset base, ProducerId producer, bool commits) {
  wire::BatchOptions options;
  options.base_offset = base;
  options.leader_epoch = LeaderEpoch(0);
  options.producer_id = producer;
  options.producer_epoch = ProducerEpoch(0);
  options.transactional = true;
  options.control = true;
  wire::RecordBatchBuilder builder(options);
  const std::string key{0, 0, 0, static_cast<char>(commits ? 1 : 0)};
  const std::string value(6, '\0');
  builder.add(UnixMillis(1000), as_bytes(key), as_bytes(value));
  const Buffer bytes = builder.build().value();
  return {bytes, base, base, UnixMillis(1000), LeaderEpoch(0)};
}

TEST(Compaction, aborted_records_go_committed_ones_count_and_open_transactions_wait) {
  Rig rig;
  rig.make_root();
  SegmentOptions options = small_options();
  options.segment_bytes = 200;  // a segment for every one or two batches
  auto store = rig.store_for(options);
  store->start_empty(Offset(0));
  const ProducerId p(1);
  const ProducerId q(2);
  std::vector<BatchRef> batches = {
      make_batch(Offset(0), {{1, "a", "plain"}}),   make_batch(Offset(1), {{1, "b", "plain"}}),
      transactional(Offset(2), p, "a", "aborted"),  marker(Offset(3), p, false),
      transactional(Offset(4), p, "b", "first"),    marker(Offset(5), p, true),
      transactional(Offset(6), p, "b", "second"),   marker(Offset(7), p, true),
      transactional(Offset(8), q, "a", "open"),     make_batch(Offset(9), {{1, "b", "beyond the open one"}}),
      make_batch(Offset(10), {{1, "z", "active"}}),
  };
  ASSERT_TRUE(rig.run(store->append(batches)));
  ASSERT_TRUE(rig.record(*store));
  const auto result = rig.run(store->compact({}));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->cleaned_to, Offset(8));
  std::vector<std::int64_t> offsets;
  for (const auto& [offset, record] : read_all(rig, *store)) offsets.push_back(offset);
  // 2 was aborted, 1 and 4 superseded, 5 is the commit of nothing; the abort marker 3 stays.
  EXPECT_EQ(offsets, (std::vector<std::int64_t>{0, 3, 6, 7, 8, 9, 10}));

  ASSERT_TRUE(rig.run(store->append({marker(Offset(11), q, true), make_batch(Offset(12), {{1, "z", "new active"}})})));
  ASSERT_TRUE(rig.run(store->append({make_batch(Offset(13), {{1, "y", std::string(200, 'y')}})})));
  ASSERT_TRUE(rig.record(*store));
  ASSERT_TRUE(rig.run(store->compact({})));
  offsets.clear();
  for (const auto& [offset, record] : read_all(rig, *store)) offsets.push_back(offset);
  EXPECT_EQ(offsets, (std::vector<std::int64_t>{3, 8, 9, 11, 12, 13}));
}

TEST(KeyOffsets, hashes_as_the_reference_does) {
  // Vectors of the SipHash authors: key 00..0f, input 00, 01, ...; their bytes read as little-endian words.
  const std::array<std::uint64_t, 2> secret = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string input;
  EXPECT_EQ(sip_hash_128(as_bytes(input), secret), (KeyHash{0xe6a825ba047f81a3, 0x930255c71472f66d}));
  input.push_back(0);
  EXPECT_EQ(sip_hash_128(as_bytes(input), secret), (KeyHash{0x44af996bd8c187da, 0x45fc229b11597634}));
}

}  // namespace
}  // namespace chronik::log
