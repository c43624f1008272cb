// Verification in the background on the machine: it runs by itself on every backend, ends when the store does, and
// keeps no store alive.
#include <gtest/gtest.h>

#include <algorithm>

#include "checkpoint/conformance_for_test.h"
#include "checkpoint/core.h"
#include "checkpoint/memory_backend.h"
#include "checkpoint/sqlite.h"
#include "embedded/test_directory.h"
#include "embedded/test_machine.h"
#include "embedded/test_options.h"

namespace chronik::checkpoint {
namespace {

using embedded::patient;

Options often() {
  Options options = patient();
  options.scrub_every = std::chrono::milliseconds(1);
  return options;
}

/// Waits for the end of a pass that begins from now on.
Health next_pass(const Store& store) {
  const std::uint64_t before = store.health().value().scrubs;
  const Instant end = env::monotonic_clock_now() + std::chrono::seconds(60);
  Health health;
  do {
    health = store.health().value();
  } while (health.scrubs < before + 2 && env::monotonic_clock_now() < end);
  EXPECT_GE(health.scrubs, before + 2);
  return health;
}

void scrubs_itself(const Store& store) {
  const Session session = kit::new_session(store);
  for (std::uint64_t i = 0; i < 20; ++i) kit::save(session, kit::noise(2000, i));
  const Health health = next_pass(store);
  EXPECT_EQ(health.scrub_problems, 0U);
  EXPECT_NE(health.scrubbed_at, Time());
  const VerifyReport report = store.scrub_report().value();
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.checkpoints, 20U);
  EXPECT_EQ(report.bytes, 40'000U);
  ASSERT_TRUE(store.delete_session("s"));
  EXPECT_EQ(next_pass(store).scrub_problems, 0U);
  EXPECT_EQ(store.scrub_report().value().checkpoints, 0U);
  EXPECT_TRUE(store.close());
}

TEST(Scrubbing, runs_by_itself_on_every_backend) {
  const embedded::TestDirectory directory;
  scrubs_itself(Store::in_memory(often()).value());
  scrubs_itself(Store::sqlite(directory.path("store.db"), often()).value());
  scrubs_itself(Store::open(directory.path("store"), often()).value());
}

TEST(Scrubbing, what_writes_beside_it_makes_no_problem) {
  const embedded::TestDirectory directory;
  for (const bool sqlite : {true, false}) {
    const Store store = sqlite ? Store::sqlite(directory.path("store.db"), often()).value()
                               : Store::open(directory.path("store"), often()).value();
    for (std::uint64_t i = 0; i < 60; ++i) {
      const Session session = store.open_session("s" + std::to_string(i % 3)).value();
      kit::save(session, kit::noise(20'000, i));
      if (i % 7 == 6) ASSERT_TRUE(session.prune({.keep_last = 2}));
      if (i % 11 == 10) ASSERT_TRUE(store.delete_session("s" + std::to_string(i % 3)));
      if (i % 5 == 4) ASSERT_TRUE(store.compact());
      const VerifyReport report = store.scrub_report().value();
      ASSERT_TRUE(report.ok()) << report.problems[0].what;
    }
    EXPECT_EQ(next_pass(store).scrub_problems, 0U);
    ASSERT_TRUE(store.close());
  }
}

TEST(Scrubbing, closing_or_letting_go_waits_for_no_pass) {
  const embedded::TestDirectory directory;
  Options slow = often();
  slow.scrub_bytes_per_second = 1;  // a pass would take hours
  for (int i = 0; i < 6; ++i) {
    const bool closes = i % 2 == 0;
    std::optional<Store> store = i < 2   ? Store::in_memory(slow).value()
                                 : i < 4 ? Store::sqlite(directory.path("store.db"), slow).value()
                                         : Store::open(directory.path("store"), slow).value();
    for (std::uint64_t n = 0; n < 10; ++n) kit::save(store->open_session("s").value(), kit::noise(10'000, n));
    EXPECT_LT(store->scrub_report().value().checkpoints, 10U);  // no pass saw them all
    const Instant begun = env::monotonic_clock_now();
    if (closes) EXPECT_TRUE(store->close());
    store.reset();
    EXPECT_LT(env::monotonic_clock_now() - begun, std::chrono::seconds(100));
  }
}

/// It goes on where the last handle was let go, which would fail on the lock of the directory.
TEST(Scrubbing, a_store_let_go_in_the_middle_of_a_step_can_be_opened_again) {
  const embedded::TestDirectory directory;
  Options busy = often();
  busy.scrub_bytes_per_second = 1ULL << 40;
  for (int i = 0; i < 60; ++i) {
    const auto store = Store::open(directory.path("store"), busy);
    ASSERT_TRUE(store) << store.error().message();
    const auto session = store->open_session("s");
    ASSERT_TRUE(session) << session.error().message();
    if (i < 20) kit::save(*session, kit::noise(50'000, static_cast<std::uint64_t>(i)));
    // Into the first pass, or some passes on: steps follow each other without a rest.
    const std::uint64_t passes = i % 2 == 0 ? 0 : static_cast<std::uint64_t>(i % 5);
    const Instant soon = env::monotonic_clock_now() + std::chrono::microseconds(1000 + 100 * (i % 7));
    while (store->health().value().scrubs < passes || env::monotonic_clock_now() < soon) {
    }
  }
}

/// SQLite's check of a whole file is one step, which may take longer than anybody wants to wait.
TEST(Scrubbing, letting_go_ends_a_check_of_a_whole_sqlite_file) {
  const embedded::TestDirectory directory;
  const std::string path = directory.path("store.db");
  {
    const Store store = Store::sqlite(path, patient()).value();
    const Session session = store.open_session("s").value();
    std::vector<PendingCheckpoint> pending;
    for (std::uint64_t i = 0; i < 3000; ++i) {
      pending.push_back(session.create_async(std::to_string(i), {.message = std::string(2000, 'm')}).value());
    }
    for (const PendingCheckpoint& one : pending) ASSERT_TRUE(one.wait(std::chrono::seconds(100)));
    ASSERT_TRUE(store.close());
  }
  {
    const auto database = Database::open(path, std::chrono::seconds(30)).value();
    Latch closing;
    database->end_at(&closing);
    EXPECT_TRUE(database->run("PRAGMA integrity_check"));
    closing.set();
    EXPECT_FALSE(database->run("PRAGMA integrity_check"));
    database->end_at(nullptr);
    EXPECT_TRUE(database->run("PRAGMA integrity_check"));
  }
  for (int i = 0; i < 10; ++i) {
    const Store store = Store::sqlite(path, often()).value();
    while (store.health().value().scrubs == 0 && i == 0) {
    }
  }
}

TEST(Scrubbing, a_store_that_nobody_holds_is_gone) {
  const auto machine = std::make_shared<embedded::TestMachine>();
  std::weak_ptr<Core> seen;
  {
    Options options = often();
    auto core = std::make_shared<Core>(machine, options, make_memory_backend(options));
    seen = core;
    const Store store(std::move(core));
    kit::save(kit::new_session(store), "x");
    (void)next_pass(store);
  }
  EXPECT_TRUE(seen.expired());
}

TEST(Scrubbing, a_damaged_record_of_an_sqlite_file_is_told_and_the_timeline_names_it_once) {
  const embedded::TestDirectory directory;
  const std::string path = directory.path("store.db");
  {
    const Store store = Store::sqlite(path, patient()).value();
    const Session session = kit::new_session(store);
    const Session second = kit::new_session(store, "t");
    for (std::uint64_t i = 0; i < 12; ++i) {
      kit::save(session, kit::noise(100, i));
      kit::save(second, kit::noise(100, 50 + i));
    }
    EXPECT_TRUE(store.close());
  }
  {
    const auto database = Database::open(path, std::chrono::seconds(10)).value();
    ASSERT_TRUE(
        database->run("UPDATE checkpoints SET record = zeroblob(60) WHERE sequence IN (5, 6, 12) AND session = "
                      "(SELECT id FROM sessions WHERE name = 's')"));
  }
  const Store store = Store::sqlite(path, often()).value();
  const Health health = next_pass(store);
  EXPECT_EQ(health.scrub_problems, 3U);
  const VerifyReport report = store.scrub_report().value();
  ASSERT_EQ(report.problems.size(), 3U);
  EXPECT_EQ(report.problems[0].session, "s");
  EXPECT_EQ(report.problems[0].sequence, 5U);
  EXPECT_EQ(report.checkpoints, 24U);
  for (const bool newest_first : {true, false}) {
    for (const std::size_t limit : {1U, 2U, 3U, 7U, 100U}) {
      SCOPED_TRACE(limit);
      std::vector<std::uint64_t> damaged;
      std::vector<Time> times;
      Query query{.newest_first = newest_first, .limit = limit};
      do {
        const TimelinePage page = store.timeline(query).value();
        for (const Problem& problem : page.damaged) {
          EXPECT_EQ(problem.session, "s");
          damaged.push_back(problem.sequence);
        }
        for (const Moment& moment : page.moments) times.push_back(moment.checkpoint.created_at);
        query.cursor = page.next;
      } while (!query.cursor.empty());
      if (newest_first) std::ranges::reverse(damaged);
      if (newest_first) std::ranges::reverse(times);
      EXPECT_EQ(damaged, (std::vector<std::uint64_t>{5, 6, 12}));
      EXPECT_EQ(times.size(), 21U);
      EXPECT_TRUE(std::ranges::is_sorted(times));
    }
  }
}

}  // namespace
}  // namespace chronik::checkpoint
