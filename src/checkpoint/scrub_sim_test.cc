// Verification in the background, in simulated time on a simulated disk: when, how fast, what it finds and tells.
#include <algorithm>

#include "checkpoint/conformance_for_test.h"
#include "checkpoint/test_sim_place.h"

namespace chronik::checkpoint {
namespace {

constexpr Duration kInterval = std::chrono::minutes(30);

/// The simulated world, but for the thread that the scrubber would run on: the test makes its steps, when they are due.
class StepWorld final : public Surroundings {
 public:
  explicit StepWorld(std::shared_ptr<SimWorld> sim) : sim_(std::move(sim)) {}
  Time now() override { return sim_->now(); }
  Instant monotonic_now() override { return sim_->monotonic_now(); }
  std::uint64_t entropy() override { return sim_->entropy(); }
  bool wait(Latch& latch, Duration timeout) override { return sim_->wait(latch, timeout); }
  void run(std::move_only_function<void()>) override { ++threads; }
  int threads = 0;

 private:
  std::shared_ptr<SimWorld> sim_;
};

struct Scrubbed {
  explicit Scrubbed(std::shared_ptr<SimWorld> sim, const Options& options)
      : sim(std::move(sim)), world(std::make_shared<StepWorld>(this->sim)) {
    auto backend = open_log_backend("store", options, world, this->sim);
    EXPECT_TRUE(backend) << backend.error().message();
    core = std::make_shared<Core>(world, options, *std::move(backend));
    due = this->sim->monotonic_now() + core->scrubber().first_wait();
  }
  Store store() const { return Store(core); }
  Health health() const { return store().health().value(); }

  /// Time passes; steps are made when they are due.
  void pass(Duration span) {
    const Instant end = sim->monotonic_now() + span;
    while (due <= end) {
      const Instant now = sim->monotonic_now();
      if (due > now) sim->world().run_for(due - now);
      const Duration wait = core->scrubber().step(*core);
      due = sim->monotonic_now() + wait;
    }
    if (end > sim->monotonic_now()) sim->world().run_for(end - sim->monotonic_now());
  }

  std::shared_ptr<SimWorld> sim;
  std::shared_ptr<StepWorld> world;
  std::shared_ptr<Core> core;
  Instant due;
};

Options every(Duration interval, std::uint64_t rate = 32 << 20) {
  Options options;
  options.scrub_every = interval;
  options.scrub_bytes_per_second = rate;
  return options;
}

/// A store on disk of that many payloads, in packs.
std::shared_ptr<SimWorld> filled(std::uint64_t checkpoints, std::size_t bytes) {
  auto sim = std::make_shared<SimWorld>(11);
  {
    const Store store = open_store(sim).value();
    const Session session = kit::new_session(store);
    for (std::uint64_t i = 0; i < checkpoints; ++i) kit::save(session, kit::noise(bytes, i));
    EXPECT_TRUE(store.close());
  }
  sim->restart();
  return sim;
}

TEST(Scrub, passes_come_at_their_interval_and_are_counted) {
  Scrubbed scrubbed(filled(20, 3000), every(kInterval));
  EXPECT_EQ(scrubbed.health().scrubs, 0U);
  EXPECT_EQ(scrubbed.health().scrubbed_at, Time());
  EXPECT_TRUE(scrubbed.store().scrub_report().value().ok());
  scrubbed.pass(kInterval - std::chrono::seconds(1));
  EXPECT_EQ(scrubbed.health().scrubs, 0U);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    scrubbed.pass(std::chrono::seconds(20));
    const Health health = scrubbed.health();
    EXPECT_EQ(health.scrubs, i);
    EXPECT_EQ(health.scrub_problems, 0U);
    EXPECT_LE(scrubbed.sim->now() - health.scrubbed_at, std::chrono::seconds(20));
    const VerifyReport report = scrubbed.store().scrub_report().value();
    EXPECT_EQ(report.checkpoints, 20U);
    EXPECT_EQ(report.bytes, 60'000U);
    scrubbed.pass(kInterval - std::chrono::seconds(20));
    EXPECT_EQ(scrubbed.health().scrubs, i);
  }
  EXPECT_EQ(scrubbed.world->threads, 1);  // however many handles there were
}

TEST(Scrub, a_long_interval_has_its_first_pass_within_an_hour_and_none_has_none) {
  Scrubbed weekly(filled(1, 100), every(std::chrono::hours(24 * 7)));
  weekly.pass(std::chrono::hours(2));
  EXPECT_EQ(weekly.health().scrubs, 1U);
  weekly.pass(std::chrono::hours(24 * 6));
  EXPECT_EQ(weekly.health().scrubs, 1U);
  weekly.pass(std::chrono::hours(24));
  EXPECT_EQ(weekly.health().scrubs, 2U);
  Scrubbed never(filled(1, 100), Options());
  EXPECT_EQ(never.health().scrubs, 0U);
  EXPECT_EQ(never.world->threads, 0);
}

TEST(Scrub, it_reads_no_faster_than_it_may) {
  // 4,000,000 bytes of payload, and about as many again in packs, at 100,000 a second: 80 seconds.
  Scrubbed scrubbed(filled(40, 100'000), every(kInterval, 100'000));
  const Instant begun = scrubbed.sim->monotonic_now() + kInterval;
  while (scrubbed.health().scrubs == 0) {
    ASSERT_LT(scrubbed.sim->monotonic_now() - begun, std::chrono::seconds(200));
    scrubbed.pass(std::chrono::seconds(1));
  }
  EXPECT_GT(scrubbed.sim->monotonic_now() - begun, std::chrono::seconds(75));
  EXPECT_LT(scrubbed.sim->monotonic_now() - begun, std::chrono::seconds(90));
  EXPECT_EQ(scrubbed.store().scrub_report().value().bytes, 4'000'000U);
}

TEST(Scrub, a_flipped_byte_is_told_by_the_next_pass_and_its_neighbours_stay) {
  constexpr std::uint64_t kCheckpoints = 12;
  Scrubbed scrubbed(filled(kCheckpoints, 1500), every(kInterval));
  scrubbed.pass(kInterval + std::chrono::seconds(5));
  ASSERT_EQ(scrubbed.health().scrubs, 1U);
  ASSERT_EQ(scrubbed.health().scrub_problems, 0U);
  std::string pack;
  for (const auto& entry : scrubbed.sim->machine().list("store")) {
    if (entry.name.starts_with("pack-")) pack = entry.name;
  }
  ASSERT_TRUE(scrubbed.sim->machine().flip("store/" + pack, 5000, 1));
  EXPECT_EQ(scrubbed.health().scrub_problems, 0U);
  scrubbed.pass(kInterval + std::chrono::seconds(5));
  ASSERT_EQ(scrubbed.health().scrubs, 2U);
  const VerifyReport report = scrubbed.store().scrub_report().value();
  EXPECT_EQ(scrubbed.health().scrub_problems, report.problem_count);
  ASSERT_EQ(report.problem_count, 2U);  // the checkpoint's, and the pack's own
  const Problem& problem = report.problems[0];
  EXPECT_EQ(problem.session, "s");
  EXPECT_TRUE(problem.what.contains(pack + ": byte ")) << problem.what;
  EXPECT_TRUE(report.problems[1].what.contains(pack + ": byte ")) << report.problems[1].what;
  const Session session = scrubbed.store().session("s").value();
  for (std::uint64_t i = 1; i <= kCheckpoints; ++i) {
    const auto payload = session.payload(session.at_sequence(i).value().id);
    if (i == problem.sequence) {
      EXPECT_EQ(kit::code_of(payload), Errc::corrupt);
    } else {
      EXPECT_EQ(payload.value(), kit::noise(1500, i - 1));
    }
  }
  EXPECT_EQ(kit::save(session, "goes on").sequence, kCheckpoints + 1);
  // The next one tells it again; what was repaired, by deleting it, is told no more.
  ASSERT_TRUE(session.remove(session.at_sequence(problem.sequence).value().id));
  ASSERT_TRUE(scrubbed.store().compact());
  scrubbed.pass(kInterval + std::chrono::seconds(5));
  EXPECT_EQ(scrubbed.health().scrubs, 3U);
  EXPECT_EQ(scrubbed.health().scrub_problems, 0U);
}

TEST(Scrub, what_is_written_deleted_and_compacted_during_a_pass_is_no_problem) {
  Scrubbed scrubbed(filled(30, 20'000), every(kInterval, 20'000));
  const Store store = scrubbed.store();
  for (int i = 0; i < 4; ++i) {
    const Session other = kit::new_session(store, "other" + std::to_string(i));
    for (std::uint64_t n = 0; n < 10; ++n) kit::save(other, kit::noise(20'000, 100 + n));
  }
  scrubbed.pass(kInterval);
  const Session session = store.session("s").value();
  for (std::uint64_t i = 0; scrubbed.health().scrubs == 0; ++i) {
    ASSERT_LT(i, 500U);
    scrubbed.pass(std::chrono::milliseconds(900));
    kit::save(session, kit::noise(20'000, 1000 + i));
    if (i % 5 == 1) ASSERT_TRUE(session.prune({.keep_last = 20}));
    if (i % 20 == 3 && i < 80) ASSERT_TRUE(store.delete_session("other" + std::to_string(i / 20)));
    if (i % 7 == 2) ASSERT_TRUE(store.compact());
  }
  const VerifyReport report = store.scrub_report().value();
  EXPECT_TRUE(report.ok()) << report.problems[0].what;
  EXPECT_GT(report.checkpoints, 20U);
}

TEST(Scrub, a_store_that_is_closed_ends_a_pass_at_the_next_checkpoint) {
  Scrubbed scrubbed(filled(40, 100'000), every(kInterval, 50'000));
  scrubbed.pass(kInterval + std::chrono::seconds(20));
  ASSERT_EQ(scrubbed.health().scrubs, 0U);  // in the middle
  const Instant begun = scrubbed.sim->monotonic_now();
  ASSERT_TRUE(scrubbed.store().close());
  EXPECT_EQ(scrubbed.core->scrubber().step(*scrubbed.core), Duration(0));  // looks at nothing
  EXPECT_LT(scrubbed.sim->monotonic_now() - begun, std::chrono::seconds(1));
  Health health;
  scrubbed.core->scrubber().tell(health);
  EXPECT_EQ(health.scrubs, 0U);  // half a pass is none
}

TEST(Scrub, a_disk_that_cannot_be_read_is_told_and_fails_nothing) {
  Scrubbed scrubbed(filled(10, 5000), every(kInterval));
  scrubbed.sim->machine().disk_faults().fail_reads = true;
  scrubbed.pass(kInterval + std::chrono::seconds(30));
  EXPECT_EQ(scrubbed.health().scrubs, 1U);
  EXPECT_GT(scrubbed.health().scrub_problems, 10U);
  scrubbed.sim->machine().disk_faults().fail_reads = false;
  EXPECT_EQ(kit::save(scrubbed.store().session("s").value(), "x").sequence, 11U);
  scrubbed.pass(kInterval + std::chrono::seconds(30));
  EXPECT_EQ(scrubbed.health().scrubs, 2U);
  EXPECT_EQ(scrubbed.health().scrub_problems, 0U);
}

TEST(Scrub, a_hundred_problems_are_kept_and_all_are_counted) {
  Scrubbed scrubbed(filled(150, 1500), every(kInterval));
  scrubbed.sim->machine().disk_faults().fail_reads = true;
  scrubbed.pass(kInterval + std::chrono::minutes(1));
  EXPECT_GE(scrubbed.health().scrub_problems, 300U);
  EXPECT_EQ(scrubbed.store().scrub_report().value().problems.size(), 100U);
}

}  // namespace
}  // namespace chronik::checkpoint
