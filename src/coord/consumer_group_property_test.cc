// Random members that come, go, fall silent, cling to partitions and change their minds, with topics that change and
// restarts in between. At every step no partition has two owners, the records rebuild the group, and in the end
// everything is assigned, evenly.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/prng.h"
#include "coord/test_consumer_rig.h"

namespace chronik::coord {
namespace {

class RandomGroup : public testing::TestWithParam<std::uint64_t> {};

/// What clients hold at this moment: two of them never the same partition while the group knows both.
void check_clients(const ConsumerRig& rig) {
  std::set<std::pair<TopicId, PartitionIndex>> held;
  for (const auto& [id, client] : rig.clients) {
    if (!rig.group.members().contains(id) || client.epoch == 0) continue;
    for (const auto& [topic, partitions] : client.owned) {
      for (const PartitionIndex partition : partitions) {
        EXPECT_TRUE(held.emplace(topic, partition).second) << "two members hold one partition";
      }
    }
  }
}

TEST_P(RandomGroup, never_gives_a_partition_to_two_and_ends_balanced) {
  Prng prng(GetParam());
  ConsumerRig rig;
  std::map<std::string, std::vector<std::string>> members;
  int next = 0;
  for (int step = 0; step < 250; ++step) {
    const std::uint64_t what = prng.below(100);
    std::vector<std::string> ids;
    for (const auto& [id, names] : members) ids.push_back(id);
    const std::string someone = ids.empty() ? "" : ids[prng.below(ids.size())];
    if ((what < 12 && members.size() < 6) || members.empty()) {
      members["m" + std::to_string(next++)] =
          prng.chance(1, 3) ? std::vector<std::string>{"t"} : std::vector<std::string>{"t", "u"};
    } else if (what < 18) {
      const auto& client = rig.clients[someone];
      if (client.epoch > 0) rig.send(ConsumerRig::beat(someone, -1));
      rig.clients.erase(someone);
      members.erase(someone);
    } else if (what < 21) {
      members.erase(someone);  // dies without a word
    } else if (what < 25) {
      rig.topics.add("t", 2, static_cast<std::int32_t>(rig.topics.topics.at("t").partitions + 1));
    } else if (what < 29) {
      rig.restart();
    } else if (what < 40) {
      rig.pass(std::chrono::seconds(1 + prng.below(20)));
    } else if (what < 44 && rig.clients[someone].epoch > 0) {
      rig.code(ConsumerRig::beat(someone, rig.clients[someone].epoch + static_cast<std::int32_t>(prng.below(3)) - 1));
    } else {
      rig.turn(someone, members.at(someone));
    }
    check_clients(rig);
  }
  if (members.empty()) members["last"] = {"t", "u"};
  for (auto& [id, names] : members) {
    names = {"t", "u"};
    rig.clients[id].epoch = 0;  // a full request says so
    rig.clients[id].owned.clear();
  }
  rig.pass(100s);  // the dead are gone, and so are the living
  rig.settle(members);
  std::vector<std::size_t> sizes;
  Owned all;
  for (const auto& [id, names] : members) {
    const Owned owned = rig.owned(id);
    sizes.push_back(owned.size());
    all.insert(owned.begin(), owned.end());
  }
  const auto partitions = rig.topics.topics.at("t").partitions + rig.topics.topics.at("u").partitions;
  EXPECT_EQ(all.size(), static_cast<std::size_t>(partitions));
  EXPECT_LE(std::ranges::max(sizes) - std::ranges::min(sizes), 1U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGroup, testing::Range(std::uint64_t{1}, std::uint64_t{41}));

}  // namespace
}  // namespace chronik::coord
