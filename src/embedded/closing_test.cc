// Closing a store while others are in it, on every backend of the machine.
#include <gtest/gtest.h>

#include <thread>

#include "checkpoint/conformance_for_test.h"
#include "checkpoint/core.h"
#include "checkpoint/memory_backend.h"
#include "checkpoint/sqlite.h"
#include "embedded/test_directory.h"
#include "embedded/test_machine.h"
#include "embedded/test_options.h"
#include "env/real/any_thread.h"

namespace chronik::checkpoint {
namespace {

using embedded::patient;

TEST(Closing, ends_waits_for_events) {
  const embedded::TestDirectory directory;
  for (const Store& store : {Store::in_memory().value(), Store::sqlite(directory.path("store.db"), patient()).value(),
                             Store::open(directory.path("store"), patient()).value()}) {
    const Session session = kit::new_session(store);
    kit::save(session, "x");
    std::vector<std::jthread> waiting;
    std::vector<Errc> told(8);
    const Instant begun = env::monotonic_clock_now();
    for (Errc& code : told) {
      waiting.emplace_back([&] { code = kit::code_of(session.wait_events(1'000'000, 10, std::chrono::seconds(500))); });
    }
    ASSERT_TRUE(store.close());
    waiting.clear();
    EXPECT_LT(env::monotonic_clock_now() - begun, std::chrono::seconds(100));
    for (const Errc code : told) EXPECT_EQ(code, Errc::closed);
    EXPECT_EQ(kit::code_of(session.wait_events(1, 10, std::chrono::seconds(1))), Errc::closed);
  }
}

/// The same where it is certain that it waits already.
TEST(Closing, wakes_who_waits_for_events) {
  const auto core =
      std::make_shared<Core>(std::make_shared<embedded::TestMachine>(), Options(), make_memory_backend({}));
  const Store store(core);
  const Session session = kit::new_session(store);
  ASSERT_EQ(core->watched_sessions(), 0U);
  Errc told{};
  std::jthread waiting([&] { told = kit::code_of(session.wait_events(100, 10, std::chrono::seconds(500))); });
  while (core->watched_sessions() == 0) {
  }
  ASSERT_TRUE(store.close());
  waiting.join();
  EXPECT_EQ(told, Errc::closed);
}

/// Whoever lets go of a store waits for its thread, not the thread for itself; later nothing touches what is gone.
TEST(Closing, letting_go_of_an_sqlite_store_with_changes_in_line) {
  const embedded::TestDirectory directory;
  const std::string path = directory.path("store.db");
  std::uint64_t settled = 0;
  for (int round = 0; round < 10; ++round) {
    const Instant begun = env::monotonic_clock_now();
    {
      const Store store = Store::sqlite(path, patient()).value();
      const Session session = store.open_session("s").value();
      for (int i = 0; i < 300; ++i) ASSERT_TRUE(session.create_async("x"));
    }
    EXPECT_LT(env::monotonic_clock_now() - begun, std::chrono::seconds(99));  // less than the time-out
    settled += 300;
    const Store store = Store::sqlite(path, patient()).value();
    EXPECT_EQ(store.session("s").value().describe().value().last_sequence, settled);
  }
}

/// The disk, or another process, takes longer than closing waits.
TEST(Closing, letting_go_of_an_sqlite_store_that_is_locked) {
  const embedded::TestDirectory directory;
  const std::string path = directory.path("store.db");
  {
    const Store store = Store::sqlite(path, patient()).value();
    kit::save(kit::new_session(store), "first");
    ASSERT_TRUE(store.close());
  }
  const auto other = Database::open(path, std::chrono::seconds(30)).value();
  Options hasty;
  hasty.timeout = std::chrono::milliseconds(20);
  for (int round = 0; round < 10; ++round) {
    {
      auto store = Store::sqlite(path, hasty);
      for (int i = 0; i < 5000 && !store; ++i) store = Store::sqlite(path, hasty);
      ASSERT_TRUE(store) << store.error().message();
      auto session = store->session("s");
      for (int i = 0; i < 5000 && !session; ++i) session = store->session("s");
      ASSERT_TRUE(session) << session.error().message();
      ASSERT_TRUE(other->run("BEGIN IMMEDIATE"));
      for (int i = 0; i < 600; ++i) (void)session->create_async("");
      (void)session->pin(CheckpointId{}, true);
    }
    ASSERT_TRUE(other->run("ROLLBACK"));
  }
  kit::expect_sound(Store::sqlite(path, patient()).value());
}

}  // namespace
}  // namespace chronik::checkpoint
