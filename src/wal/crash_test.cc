// Random appenders, flushes and power cuts over several generations, against a model of what was promised.
#include <gtest/gtest.h>

#include <algorithm>

#include "wal/test_rig.h"

namespace chronik::wal {
namespace {

struct Frame {
  std::uint64_t number = 0;
  std::size_t bytes = 0;
  std::int32_t partition = 0;
  GroupSequence group;
  bool acknowledged = false;
};

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : rig_(seed), prng_(seed * 7919 + 1) {}

  /// One life of the process: replay, append, release, die.
  void generation() {
    ASSERT_NO_FATAL_FAILURE(recover());
    Options options = small_options();
    options.generation = Generation(++generation_);
    options.file_bytes = (24 + prng_.below(60)) * kBlock;
    options.first_file_bytes = 2 * kBlock + prng_.below(options.file_bytes - 2 * kBlock);
    options.bytes_max = (2 + prng_.below(4)) * options.file_bytes;
    options.seal_after = Duration(1'000'000 + prng_.below(50'000'000));
    if (prng_.chance(1, 4)) options.linger = 300us;
    largest_ = options.file_bytes - 20 * kBlock;
    if (prng_.chance(1, 6)) return die_while(Wal::open(*rig_.context, options));
    ASSERT_TRUE(rig_.open(options));
    lives_.emplace_back();
    released_ = GroupSequence{};
    const std::uint64_t appenders = 1 + prng_.below(12);
    for (std::uint64_t i = 0; i < appenders; ++i) rig_.context->spawn("t", appender());
    if (prng_.chance(3, 4)) rig_.context->spawn("t", flusher());
    if (prng_.chance(1, 2)) rig_.context->spawn("t", remover());
    const std::uint64_t events = prng_.below(3000);
    for (std::uint64_t i = 0; i < events; ++i) {
      rig_.world->step();
      if (i % 16 == 0) rig_.wal->check_invariants();
    }
    ASSERT_FALSE(rig_.wal->failure()) << rig_.wal->failure()->message();
    if (prng_.chance(1, 6)) ASSERT_TRUE(rig_.run(rig_.wal->close(rig_.in(10s))));
    rig_.crash();
  }
  std::uint64_t torn = 0, multi_group = 0, acknowledged = 0;

 private:
  task::Task<void> appender() {
    std::vector<Frame>& mine = lives_.back();
    for (;;) {
      const std::size_t bytes = prng_.chance(1, 10) ? prng_.below(largest_) : prng_.below(3000);
      const Status room = co_await rig_.wal->room(bytes, rig_.in(1s));
      if (!room && room.error().code == Errc::closed) co_return;
      if (!room) continue;
      const auto partition = static_cast<std::int32_t>(prng_.below(4));
      const std::uint64_t number = next_number_++;
      auto place = rig_.reserve(number, bytes, partition);
      EXPECT_TRUE(place);
      const std::size_t index = mine.size();
      mine.push_back({number, bytes, partition, place->group, false});
      if (index > 0 && mine[index - 1].group < place->group && !mine[index - 1].acknowledged) ++multi_group;
      if (co_await rig_.wal->committed(place->commit, rig_.in(10s))) {
        mine[index].acknowledged = true;
        ++acknowledged;
      }
      if (prng_.chance(1, 2)) co_await task::sleep_until(*rig_.context, "t", rig_.in(Duration(prng_.below(3'000'000))));
    }
  }

  /// What is below a complete file's end is "flushed" and may vanish.
  task::Task<void> flusher() {
    for (;;) {
      co_await task::sleep_until(*rig_.context, "t", rig_.in(Duration(prng_.below(20'000'000))));
      released_ = std::max(released_, rig_.wal->last_complete_file_end());
      (void)co_await rig_.wal->release(released_);
    }
  }

  /// Files of earlier generations, "flushed" too.
  task::Task<void> remover() {
    co_await task::sleep_until(*rig_.context, "t", rig_.in(Duration(prng_.below(30'000'000))));
    removing_ = lives_.size() - 1;
    (void)co_await remove_replayed(*rig_.context, "wal", old_files_, 10s);
  }

  template <class T>
  void die_while(task::Task<T> task) {
    (void)rig_.start(std::move(task));
    const std::uint64_t events = prng_.below(30);
    for (std::uint64_t i = 0; i < events; ++i) rig_.world->step();
    lives_.emplace_back();
    released_ = GroupSequence{};
    rig_.crash();
  }

  /// Replays, sometimes dying in the middle of it, and holds the result against the model.
  void recover() {
    if (prng_.chance(1, 4)) {
      auto sink = [](const ReplayedFrame&) -> Status { return {}; };
      (void)rig_.start(replay(*rig_.context, "wal", LogId(77), 10s, sink));
      const std::uint64_t events = prng_.below(60);
      for (std::uint64_t i = 0; i < events; ++i) rig_.world->step();
      rig_.crash();
    }
    const auto replayed = rig_.replay();
    ASSERT_TRUE(replayed) << replayed.error().message();
    torn += replayed->report.torn_groups;
    old_files_ = replayed->report.files;
    std::size_t at = 0;
    for (std::size_t life = 0; life < lives_.size(); ++life) {
      ASSERT_NO_FATAL_FAILURE(check_life(life, replayed->frames, at));
    }
    ASSERT_EQ(at, replayed->frames.size()) << "frames that nobody wrote";
  }

  /// The frames of one life are an unbroken run of what was reserved then: all that was acknowledged and not flushed.
  void check_life(std::size_t life, const std::vector<std::pair<FrameInfo, std::string>>& frames, std::size_t& at) {
    std::vector<Frame>& written = lives_[life];
    const bool newest = life + 1 == lives_.size();
    const bool may_go = life < removing_;
    std::size_t begin = 0;
    if (at < frames.size()) {
      const auto number = static_cast<std::uint64_t>(frames[at].first.base.value());
      while (begin < written.size() && written[begin].number != number) ++begin;
    } else {
      begin = written.size();
    }
    std::size_t end = begin;
    for (; end < written.size() && at < frames.size(); ++end, ++at) {
      const auto& [info, payload] = frames[at];
      if (info.base.value() != static_cast<std::int64_t>(written[end].number)) break;
      ASSERT_EQ(info.partition, partition_of(written[end].partition));
      ASSERT_TRUE(payload == payload_of(written[end].number, written[end].bytes));
    }
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (i >= begin && i < end) continue;
      const bool flushed = may_go || (newest && i < begin && written[i].group <= released_);
      ASSERT_TRUE(flushed || !written[i].acknowledged) << "acknowledged frame " << written[i].number << " is lost";
    }
    // What was seen now is promised from now on, the rest never comes back.
    written = std::vector<Frame>(written.begin() + static_cast<std::ptrdiff_t>(begin),
                                 written.begin() + static_cast<std::ptrdiff_t>(end));
    for (Frame& frame : written) frame.acknowledged = true;
  }

  Rig rig_;
  Prng prng_;
  std::vector<std::vector<Frame>> lives_;  // of each generation, in the order of reservation
  std::vector<std::string> old_files_;
  std::size_t removing_ = 0;  // lives before this one may be gone
  GroupSequence released_;    // of the newest life
  std::uint64_t generation_ = 0;
  std::uint64_t next_number_ = 1;
  std::size_t largest_ = 0;
};

// lesson: Acknowledged batches were not on disk
// lesson: Log overwritten at offset 0
// lesson: Recovery ran out of memory (replay across generations, and power cuts in the middle of it)
TEST(Crash, every_acknowledged_frame_survives_byte_identical_and_in_order) {
#if defined(__has_feature) && __has_feature(address_sanitizer)
  constexpr std::uint64_t kSeeds = 25;
#else
  constexpr std::uint64_t kSeeds = 100;
#endif
  std::uint64_t torn = 0, multi_group = 0, acknowledged = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CrashRun run(seed);
    for (int i = 0; i < 6; ++i) {
      run.generation();
      if (testing::Test::HasFatalFailure()) return;
    }
    torn += run.torn;
    multi_group += run.multi_group;
    acknowledged += run.acknowledged;
  }
  // The interesting states were reached.
  EXPECT_GT(torn, kSeeds / 8);
  EXPECT_GT(multi_group, kSeeds);
  EXPECT_GT(acknowledged, 50 * kSeeds);
}

}  // namespace
}  // namespace chronik::wal
