#include "client/connection.h"

#include <gtest/gtest.h>

#include "sim/sim_env.h"
#include "task/io.h"

namespace chronik::client {
namespace {

task::Task<void> open_into(task::Context& context, env::Address to, std::optional<Result<ConnectionPtr>>& result) {
  result.emplace(co_await Connection::open(context, to, "test", context.after(5s)));
}

// lesson: Forwarding a request hung forever when the leader died
TEST(Connection, a_broker_that_never_answers_ends_the_call_by_its_deadline) {
  const auto world = sim::World::create(1);
  env::Env& broker = world->machine("broker").env();
  auto& machine = world->machine("client");
  task::Context context(machine.env());
  // Accepted by its kernel, looked at by nobody.
  const auto listener = broker.network.listen({"broker", 9092});
  ASSERT_TRUE(listener);
  std::optional<Result<ConnectionPtr>> result;
  const Instant began = context.now();
  context.spawn("test", open_into(context, {"broker", 9092}, result));
  ASSERT_TRUE(world->run_until([&] { return result.has_value(); }, 60s));
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().code, Errc::timed_out);
  EXPECT_LE(context.now() - began, 6s);
}

}  // namespace
}  // namespace chronik::client
