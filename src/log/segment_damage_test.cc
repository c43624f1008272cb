// Bytes that changed behind our back: found, named, never served; everything else stays readable.
#include <gtest/gtest.h>

#include <algorithm>

#include "log/segment_names.h"
#include "log/segment_rig_for_test.h"

namespace chronik::log {
namespace {

struct Damaged : testing::Test {
  void fill(std::size_t batches, bool same_time = false) {
    rig.make_root();
    Source source(11, same_time);
    store = rig.store_for(small_options());
    store->start_empty(Offset(0));
    ASSERT_TRUE(rig.run(store->append(source.extend(model, batches))));
    ASSERT_TRUE(rig.run(store->sync()));
    position = store->position();
    segments = store->segments();
    ASSERT_GE(segments.size(), 3U);
  }
  void reopen() {
    store.reset();
    rig.cache = std::make_shared<SegmentCache>();
    store = rig.store_for(small_options());
    const Status opened = rig.run(store->recover(position));
    ASSERT_TRUE(opened) << opened.error().message();
  }
  std::string path(const SegmentInfo& segment, std::string_view suffix) const {
    return "/data/t-0/" + segment_file_name(segment.base, suffix);
  }
  /// Reads from each batch on. All but batch `hurt` must be there; that one must be an error that names the file.
  void expect_all_but(const ModelLog::Entry* hurt, const std::string& file) {
    for (const auto& entry : model.entries) {
      const auto run = rig.run(store->read(entry.batch.base, model.end(), 1, rig.soon()));
      if (&entry == hurt) {
        ASSERT_FALSE(run);
        ASSERT_EQ(run.error().code, Errc::corrupt);
        ASSERT_NE(run.error().detail.find(file), std::string::npos) << run.error().detail;
        ASSERT_NE(run.error().detail.find("position"), std::string::npos) << run.error().detail;
      } else {
        ASSERT_TRUE(run) << run.error().message();
        ASSERT_EQ(text_of(*run), text_of(entry.batch));
      }
    }
    // Large reads stop before the damage.
    for (Offset at(0); at < model.end();) {
      const auto run = rig.run(store->read(at, model.end(), 1U << 20, rig.soon()));
      if (!run) {
        ASSERT_EQ(run.error().code, Errc::corrupt);
        at = model.holding(at)->batch.last.plus(1);
        continue;
      }
      ASSERT_EQ(text_of(*run), model.read(at, run->end, 1U << 30));
      at = run->end;
    }
  }

  void flip_every_index_byte();

  Rig rig;
  ModelLog model;
  std::unique_ptr<SegmentStore> store;
  FilePosition position;
  std::vector<SegmentInfo> segments;
};

TEST_F(Damaged, a_flipped_byte_of_a_log_costs_one_batch_and_is_never_served) {
  fill(90);
  std::size_t flips = 0;
  for (const auto& segment : segments) {
    std::uint64_t start = 0;
    auto entry = std::ranges::find(model.entries, segment.base, [](const auto& e) { return e.batch.base; });
    for (std::uint64_t at = flips % 97; at < segment.bytes; at += 97, ++flips) {
      while (at >= start + entry->batch.bytes.size()) start += entry++->batch.bytes.size();
      ASSERT_TRUE(rig.machine.flip(path(segment, kLogSuffix), at, static_cast<std::uint8_t>(1U << (flips % 8))));
      SCOPED_TRACE(path(segment, kLogSuffix) + " at " + std::to_string(at) + " in batch at " + std::to_string(start));
      reopen();
      expect_all_but(&*entry, path(segment, kLogSuffix));
      ASSERT_TRUE(rig.machine.flip(path(segment, kLogSuffix), at, static_cast<std::uint8_t>(1U << (flips % 8))));
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(flips, 200U);
}

TEST_F(Damaged, every_byte_of_every_batch_header_is_guarded) {
  fill(60);
  std::uint64_t start = 0;
  for (const auto& entry : model.entries) {
    if (entry.batch.base >= segments[1].base) break;
    for (std::uint64_t at = 0; at < wire::kBatchHeaderSize; ++at) {
      for (const std::uint8_t mask : {std::uint8_t{0x01}, std::uint8_t{0x80}}) {
        ASSERT_TRUE(rig.machine.flip(path(segments[0], kLogSuffix), start + at, mask));
        rig.cache = std::make_shared<SegmentCache>();
        reopen();
        const auto run = rig.run(store->read(entry.batch.base, model.end(), 1, rig.soon()));
        ASSERT_FALSE(run) << "byte " << at << " of the batch at " << start;
        ASSERT_EQ(run.error().code, Errc::corrupt);
        ASSERT_TRUE(rig.machine.flip(path(segments[0], kLogSuffix), start + at, mask));
      }
    }
    start += entry.batch.bytes.size();
  }
}

void Damaged::flip_every_index_byte() {
  for (const auto& segment : segments) {
    for (const std::string_view suffix : {kIndexSuffix, kTimeIndexSuffix, kSummarySuffix}) {
      if (segment.active && suffix == kSummarySuffix) continue;
      const std::string before = rig.file(path(segment, suffix));
      for (std::size_t at = 0; at < before.size(); ++at) {
        const std::uint8_t mask = static_cast<std::uint8_t>(1U << (at % 8));
        SCOPED_TRACE(path(segment, suffix) + " at " + std::to_string(at));
        ASSERT_TRUE(rig.machine.flip(path(segment, suffix), at, mask));
        reopen();
        expect_all_but(nullptr, "");
        for (const auto& entry : model.entries) {
          const std::int64_t timestamp = entry.batch.max_timestamp.value();
          const auto found = rig.run(store->find_timestamp(UnixMillis(timestamp), model.end(), rig.soon()));
          ASSERT_TRUE(found) << found.error().message();
          ASSERT_EQ((*found)->offset, model.find(timestamp, model.end())->second);
        }
        const auto newest = rig.run(store->max_timestamp(model.end(), rig.soon()));
        ASSERT_TRUE(newest) << newest.error().message();
        ASSERT_EQ((*newest)->offset, model.newest(model.end())->second);
        // It may have been mended meanwhile.
        rig.world->run_for(1s);
        ASSERT_TRUE(rig.run(store->sync()));
        if (rig.file(path(segment, suffix)) != before) {
          ASSERT_TRUE(rig.machine.flip(path(segment, suffix), at, mask));
        }
        ASSERT_EQ(rig.file(path(segment, suffix)), before);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(Damaged, a_flipped_byte_of_an_index_changes_no_answer) {
  fill(70);
  flip_every_index_byte();
}

TEST_F(Damaged, a_flipped_byte_of_an_index_changes_no_answer_among_equal_timestamps) {
  fill(70, true);
  flip_every_index_byte();
}

TEST_F(Damaged, missing_indexes_are_made_again) {
  fill(70);
  std::map<std::string, std::string> before;
  for (const auto& segment : segments) {
    for (const std::string_view suffix : {kIndexSuffix, kTimeIndexSuffix, kSummarySuffix}) {
      if (segment.active && suffix == kSummarySuffix) continue;
      before[path(segment, suffix)] = rig.file(path(segment, suffix));
      ASSERT_TRUE(rig.run(task::remove(*rig.context, path(segment, suffix), rig.soon())));
    }
  }
  reopen();
  EXPECT_GT(store->segments()[0].max_timestamp, segments[0].max_timestamp) << "kept as if written when opened";
  const auto found = rig.run(store->find_timestamp(segments[0].max_timestamp, model.end(), rig.soon()));
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->offset, model.find(segments[0].max_timestamp.value(), model.end())->second);
  EXPECT_EQ(store->segments()[0].max_timestamp, segments[0].max_timestamp) << "known once it was used";
  expect_all_but(nullptr, "");
  ASSERT_TRUE(rig.run(store->sync()));
  rig.world->run_for(1s);
  for (const auto& [name, content] : before) EXPECT_EQ(rig.file(name), content) << name;
}

}  // namespace
}  // namespace chronik::log
