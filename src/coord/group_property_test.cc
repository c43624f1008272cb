// Random members that join, come back, die, restart under their instance id, lose answers and meet failing writes.
// Whatever they do: generations only grow, in each generation a partition has one owner, nobody waits past the bound,
// and the group's invariants hold after every event.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/prng.h"
#include "coord/test_group_rig.h"

namespace chronik::coord {
namespace {

constexpr std::size_t kPartitions = 12;
constexpr std::int32_t kRebalanceMs = 20'000;
// The longest that the state machine may keep a JoinGroup or SyncGroup: one phase of waiting for others, which ends
// with the longest rebalance time-out, or that of a new member.
constexpr Duration kWaitMax = 60s;

/// A client: does by itself what the protocol demands, as far as fate lets it.
struct Client {
  std::optional<std::string> instance;
  std::string member;
  std::int32_t generation = -1;
  std::optional<Ticket> joining;
  std::optional<Ticket> syncing;
  Instant asked{};
  bool alive = true;
  std::set<std::string> owned;
};

class Fleet {
 public:
  explicit Fleet(std::uint64_t seed) : prng_(seed) {
    for (int i = 0; i < 8; ++i) {
      clients_.emplace_back();
      if (i < 3) clients_.back().instance = "instance-" + std::to_string(i);
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      collect();
      check();
    }
  }
  std::int32_t generations() const { return last_generation_; }

 private:
  void step() {
    Client& client = clients_[prng_.below(clients_.size())];
    switch (prng_.below(12)) {
      case 0:
        // Dies, or comes back with nothing but its instance id.
        client.alive = prng_.chance(2, 3);
        return forget(client);
      case 1:
        if (client.alive && !client.member.empty()) {
          rig_.leave({{client.member, client.instance}});
          forget(client);
        }
        return;
      case 2:
      case 3:
        rig_.settle(prng_.chance(1, 6) ? ErrorCode::coordinator_not_available : ErrorCode::none);
        return;
      case 4:
        rig_.pass(std::chrono::milliseconds(prng_.below(12'000)));
        return;
      case 5:
        // Loses the connection: the answer goes nowhere, and it asks again.
        client.joining.reset();
        client.syncing.reset();
        return;
      case 6:
        if (client.alive && !client.joining) join(client);  // for no reason
        return;
      default:
        rig_.pass(std::chrono::milliseconds(prng_.below(500)));
        if (client.alive) act(client);
    }
  }

  void act(Client& client) {
    if (client.joining || client.syncing) return;
    if (client.generation < 0) return join(client);
    const ErrorCode error = rig_.heartbeat(client.member, client.generation, client.instance);
    if (error == ErrorCode::none) return;
    if (error != ErrorCode::rebalance_in_progress) client.member.clear();
    client.owned.clear();
    client.generation = -1;
    join(client);
  }

  void join(Client& client) {
    Join who{.member = client.member,
             .instance = client.instance,
             .rebalance_ms = kRebalanceMs,
             .session_ms = 10'000,
             .version = static_cast<std::int16_t>(3 + prng_.below(7))};
    if (prng_.chance(1, 4)) who.protocols.insert(who.protocols.begin(), {"sticky", std::to_string(prng_.below(3))});
    client.owned.clear();
    client.joining = rig_.join(who);
    client.asked = rig_.clock.now;
  }

  void sync(Client& client, const wire::JoinGroupResponse& joined) {
    std::vector<std::pair<std::string, std::string>> assignments;
    if (joined.leader == client.member && !joined.skip_assignment) {
      for (std::size_t p = 0; p < kPartitions && !joined.members.empty(); ++p) {
        assignments.emplace_back(joined.members[p % joined.members.size()].member_id, "");
      }
      std::ranges::sort(assignments);
      assignments.erase(std::unique(assignments.begin(), assignments.end()), assignments.end());
      std::size_t p = 0;
      for (auto& [member, partitions] : assignments) partitions = std::to_string(p++);
    }
    client.syncing = rig_.sync(client.member, client.generation, assignments, client.instance);
    client.asked = rig_.clock.now;
  }

  void collect() {
    for (Client& client : clients_) {
      if (client.joining && rig_.joined(*client.joining)) {
        const auto answer = rig_.joins.at(*std::exchange(client.joining, std::nullopt));
        joined(client, answer);
      }
      if (client.syncing && rig_.syncs.contains(*client.syncing)) {
        const auto answer = rig_.syncs.at(*std::exchange(client.syncing, std::nullopt));
        if (answer.error_code == ErrorCode::none) {
          owns(client, text_of(answer.assignment));
        } else {
          client.generation = -1;
          if (answer.error_code != ErrorCode::rebalance_in_progress) client.member.clear();
        }
      }
    }
  }

  void joined(Client& client, const wire::JoinGroupResponse& answer) {
    if (answer.error_code == ErrorCode::none) {
      EXPECT_GE(answer.generation_id, last_generation_);
      last_generation_ = answer.generation_id;
      client.member = answer.member_id;
      client.generation = answer.generation_id;
      return sync(client, answer);
    }
    client.generation = -1;
    if (answer.error_code == ErrorCode::member_id_required) {
      client.member = answer.member_id;
    } else if (answer.error_code != ErrorCode::rebalance_in_progress) {
      client.member.clear();
    }
  }

  void owns(Client& client, const std::string& assignment) {
    client.owned.clear();
    if (assignment.empty()) return;
    client.owned.insert(assignment);
    // By generation and place of the assignment: only one member id's bearer may ever hold it; a static member that
    // came back holds it in the stead of its old self.
    const std::string bearer = client.instance.value_or(client.member);
    const auto [at, is_new] = owners_.try_emplace({client.generation, assignment}, bearer);
    EXPECT_EQ(at->second, bearer) << "two owners of " << assignment << " in generation " << client.generation;
  }

  void forget(Client& client) {
    const auto instance = client.instance;
    const bool alive = client.alive;
    client = Client{};
    client.instance = instance;
    client.alive = alive;
  }

  void check() {
    EXPECT_GE(rig_.group.generation(), group_generation_);
    group_generation_ = rig_.group.generation();
    EXPECT_LE(rig_.group.members().size(), 200U);
    for (const Client& client : clients_) {
      if (!client.joining && !client.syncing) continue;
      // Writes are settled by the test, not by a clock: only waits that are not for a write are bounded here.
      if (!rig_.written.empty()) continue;
      EXPECT_LE(rig_.clock.now - client.asked, kWaitMax) << to_string(rig_.group.state());
    }
  }

  Prng prng_;
  GroupRig rig_;
  std::vector<Client> clients_;
  std::map<std::pair<std::int32_t, std::string>, std::string> owners_;
  std::int32_t last_generation_ = 0;
  std::int32_t group_generation_ = 0;
};

TEST(GroupProperty, whatever_members_do_a_partition_has_one_owner_and_nobody_waits_for_ever) {
  std::int64_t generations = 0;
  for (std::uint64_t seed = 1; seed <= 200 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Fleet fleet(seed);
    fleet.run(1500);
    generations += fleet.generations();
  }
  EXPECT_GT(generations, 1000);  // the test does exercise rebalances
}

}  // namespace
}  // namespace chronik::coord
