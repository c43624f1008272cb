// Budgets: what is reserved comes back, whatever happens to whoever reserved it.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sim/sim_env.h"
#include "task/budget.h"
#include "task/event.h"

namespace chronik::task {
namespace {

struct Rig {
  Rig() : world(sim::World::create(1)), context(std::make_unique<Context>(world->machine("m").env())) {}
  ~Rig() { context->stop(); }
  std::unique_ptr<sim::World> world;
  std::unique_ptr<Context> context;
};

Task<void> take_and_keep(Context& context, Budget& budget, std::size_t bytes, Duration keep, int id,
                         std::vector<int>& order, Duration patience = 1h) {
  auto charge = co_await budget.take(bytes, context.after(patience));
  order.push_back(charge ? id : -id);
  if (charge) co_await sleep_until(context, "keep", context.after(keep));
}

TEST(Budget, a_charge_returns_exactly_what_it_took) {
  Rig rig;
  Budget budget(*rig.context, "b", 100);
  {
    auto a = budget.try_take(60);
    ASSERT_TRUE(a);
    EXPECT_EQ(budget.try_take(41).error().code, Errc::overloaded);
    Charge moved = *std::move(a);
    EXPECT_EQ(budget.used(), 60U);
    moved.shrink_to(10);
    EXPECT_EQ(budget.used(), 10U);
    moved = budget.try_take(90).value();  // the new one first, then the old one goes
    EXPECT_EQ(budget.used(), 90U);
    moved.release();
    moved.release();
    EXPECT_EQ(budget.used(), 0U);
  }
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_EQ(budget.peak(), 100U);
}

TEST(Budget, nobody_is_overtaken) {
  Rig rig;
  Budget budget(*rig.context, "b", 100);
  std::vector<int> order;
  auto held = std::make_unique<Charge>(budget.try_take(100).value());
  // The first wants much, the others little: bytes that come back piecemeal are for the first.
  rig.context->spawn("t", take_and_keep(*rig.context, budget, 90, 1ms, 1, order));
  for (int id = 2; id < 8; ++id) rig.context->spawn("t", take_and_keep(*rig.context, budget, 5, 1ms, id, order));
  rig.world->run_for(1ms);
  for (std::size_t left = 90; left > 0; left -= 10) {
    held->shrink_to(left);
    rig.world->run_for(1ms);
    EXPECT_EQ(order.empty(), left > 10) << left;
    if (left > 10) {
      EXPECT_FALSE(budget.try_take(1)) << "a newcomer overtook";
    }
    if (!order.empty()) break;
  }
  held.reset();
  rig.world->run_for(1s);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(budget.used(), 0U);
}

TEST(Budget, whoever_gives_up_lets_the_next_pass) {
  Rig rig;
  Budget budget(*rig.context, "b", 100);
  std::vector<int> order;
  const auto held = budget.try_take(50);
  rig.context->spawn("t", take_and_keep(*rig.context, budget, 90, 1ms, 1, order, 10ms));
  rig.context->spawn("t", take_and_keep(*rig.context, budget, 20, 1ms, 2, order));
  rig.context->spawn("t", take_and_keep(*rig.context, budget, 20, 1ms, 3, order));
  rig.world->run_for(1s);
  EXPECT_EQ(order, (std::vector<int>{-1, 2, 3}));
}

TEST(Budget, oversized_requests_pass_alone) {
  Rig rig;
  Budget budget(*rig.context, "b", 100);
  std::vector<int> order;
  auto held = std::make_unique<Charge>(budget.try_take(1).value());
  rig.context->spawn("t", take_and_keep(*rig.context, budget, 500, 10ms, 1, order));
  rig.context->spawn("t", take_and_keep(*rig.context, budget, 1, 1ms, 2, order));
  rig.world->run_for(1ms);
  EXPECT_TRUE(order.empty());
  held.reset();
  rig.world->run_for(5ms);
  EXPECT_EQ(order, std::vector<int>{1});
  EXPECT_EQ(budget.used(), 500U);
  rig.world->run_for(1s);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_EQ(budget.used(), 0U);
}

TEST(Budget, dropped_while_waiting_or_just_granted_it_blocks_nobody) {
  for (const bool granted : {false, true}) {
    Rig rig;
    Budget budget(*rig.context, "b", 100);
    std::vector<int> order;
    auto held = std::make_unique<Charge>(budget.try_take(100).value());
    Scope scope(*rig.context);
    scope.spawn("t", take_and_keep(*rig.context, budget, 100, 1ms, 1, order));
    rig.context->spawn("t", take_and_keep(*rig.context, budget, 100, 1ms, 2, order));
    rig.world->run_for(1ms);
    if (granted) held.reset();
    scope.stop();
    held.reset();
    rig.world->run_for(1s);
    EXPECT_EQ(order, std::vector<int>{2}) << granted;
    EXPECT_EQ(budget.used(), 0U);
  }
}

// lesson: Broker rejected every produce until restart after 16-512 MB
// lesson: Memory exhaustion under load
TEST(Budget, many_times_its_size_passes_through_and_all_of_it_returns) {
  Rig rig;
  constexpr std::size_t kLimit = 1000;
  Budget budget(*rig.context, "b", kLimit);
  Prng prng(4);
  std::vector<int> order;
  Scope scope(*rig.context);
  std::size_t asked = 0;
  for (int id = 1; id <= 5000; ++id) {
    const std::size_t bytes = 1 + prng.below(kLimit);
    asked += bytes;
    Scope* const in = prng.chance(1, 50) ? &scope : nullptr;
    auto body = take_and_keep(*rig.context, budget, bytes, Duration(prng.below(1'000'000)), id, order,
                              prng.chance(1, 4) ? Duration(prng.below(20'000'000)) : 1h);
    in ? in->spawn("t", std::move(body)) : rig.context->spawn("t", std::move(body));
    if (prng.chance(1, 3)) rig.world->run_for(Duration(prng.below(500'000)));
    if (prng.chance(1, 100)) scope.stop();
    ASSERT_LE(budget.used(), kLimit);
  }
  scope.stop();
  rig.world->run_for(1min);
  EXPECT_EQ(rig.context->running(), 0U);
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_LE(budget.peak(), kLimit);
  EXPECT_GT(asked, 1000 * kLimit);
  // Grants in order of arrival.
  std::vector<int> grants;
  for (const int id : order) {
    if (id > 0) grants.push_back(id);
  }
  EXPECT_TRUE(std::ranges::is_sorted(grants));
  EXPECT_GT(grants.size(), 3000U);
}

}  // namespace
}  // namespace chronik::task
