// Who is woken by a change: those who wait for its session, and for any; all of them once the store is closed.
#include <gtest/gtest.h>

#include "checkpoint/conformance_for_test.h"
#include "checkpoint/memory_backend.h"
#include "checkpoint/test_sim_place.h"

namespace chronik::checkpoint {
namespace {

struct WatchedStore {
  std::shared_ptr<SimWorld> world = std::make_shared<SimWorld>(1);
  std::shared_ptr<Core> core = std::make_shared<Core>(world, Options(), make_memory_backend({}));
  Store store{core};
  Session one = kit::new_session(store, "one");
  Session two = kit::new_session(store, "two");
};

TEST(Watch, a_change_wakes_those_of_its_session_and_of_any) {
  WatchedStore at;
  const auto one = at.core->watch(at.one.id());
  const auto too = at.core->watch(at.one.id());
  const auto other = at.core->watch(at.two.id());
  const auto any = at.core->watch();
  kit::save(at.one, "x");
  EXPECT_TRUE(one->is_set() && too->is_set() && any->is_set());
  EXPECT_FALSE(other->is_set());
  kit::save(at.one, "y");
  EXPECT_FALSE(other->is_set());
  ASSERT_TRUE(at.store.rename_session("two", "three"));
  EXPECT_TRUE(other->is_set());
  const auto last = at.core->watch(at.two.id());
  ASSERT_TRUE(at.store.delete_session("three"));
  EXPECT_TRUE(last->is_set());
}

TEST(Watch, closing_wakes_all) {
  WatchedStore at;
  const auto one = at.core->watch(at.one.id());
  const auto two = at.core->watch(at.two.id());
  const auto any = at.core->watch();
  EXPECT_FALSE(at.core->closed());
  ASSERT_TRUE(at.store.close());
  EXPECT_TRUE(one->is_set() && two->is_set() && any->is_set());
  EXPECT_TRUE(at.core->closed());
}

/// Those who gave up leave nothing behind, whatever they had waited for.
TEST(Watch, who_still_waits_is_told_among_many_who_gave_up) {
  WatchedStore at;
  const auto kept = at.core->watch(at.two.id());
  for (std::uint8_t high = 1; high < 100; ++high) {
    for (std::uint8_t low = 0; low < 100; ++low) {
      SessionId id;
      id.bytes[0] = high;
      id.bytes[15] = low;
      (void)at.core->watch(id);
      EXPECT_LE(at.core->watched_sessions(), 128U);
    }
  }
  kit::save(at.two, "x");
  EXPECT_TRUE(kept->is_set());
}

}  // namespace
}  // namespace chronik::checkpoint
