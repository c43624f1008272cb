// Closing a store while others are in it, on every backend of the machine.
#include <gtest/gtest.h>

#include <thread>

#include "checkpoint/conformance_for_test.h"
#include "embedded/test_directory.h"
#include "env/real/any_thread.h"

namespace chronik::checkpoint {
namespace {

TEST(Closing, ends_waits_for_events) {
  const embedded::TestDirectory directory;
  for (const Store& store : {Store::in_memory().value(), Store::sqlite(directory.path("store.db")).value(),
                             Store::open(directory.path("store")).value()}) {
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

}  // namespace
}  // namespace chronik::checkpoint
