// Assignors: every partition once, balanced, and sticky where the assignor promises it.
#include "coord/assignor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/prng.h"

namespace chronik::coord {
namespace {

TopicId topic(std::uint8_t n) {
  TopicId id;
  id.bytes[15] = n;
  return id;
}

std::size_t size_of(const PartitionSet& set) {
  std::size_t size = 0;
  for (const auto& [id, partitions] : set) size += partitions.size();
  return size;
}

/// Each subscribed partition is given once, to a subscriber.
void check(const AssignmentInput& input, const Assignments& result) {
  ASSERT_EQ(result.size(), input.members.size());
  std::map<TopicId, std::set<PartitionIndex>> seen;
  for (const auto& member : input.members) {
    for (const auto& [id, partitions] : result.at(member.id)) {
      EXPECT_TRUE(std::ranges::binary_search(member.topics, id)) << "not subscribed";
      for (const PartitionIndex partition : partitions) {
        EXPECT_TRUE(seen[id].insert(partition).second) << "given twice";
        EXPECT_LT(partition.value(), input.partitions.at(id));
      }
    }
  }
  for (const auto& [id, count] : input.partitions) EXPECT_EQ(seen[id].size(), static_cast<std::size_t>(count));
}

AssignmentInput input_of(std::size_t members, std::map<TopicId, std::int32_t> partitions) {
  AssignmentInput input;
  std::vector<TopicId> topics;
  for (const auto& [id, count] : partitions) topics.push_back(id);
  for (std::size_t i = 0; i < members; ++i) input.members.push_back({"m" + std::to_string(i), {}, topics, nullptr});
  input.partitions = std::move(partitions);
  return input;
}

TEST(Uniform, balances_over_all_topics) {
  const auto input = input_of(3, {{topic(1), 1}, {topic(2), 1}, {topic(3), 5}});
  const auto result = assign_uniform(input);
  check(input, result);
  for (const auto& [id, set] : result) EXPECT_TRUE(size_of(set) == 2 || size_of(set) == 3);
}

TEST(Uniform, a_newcomer_moves_no_more_than_its_share) {
  auto input = input_of(2, {{topic(1), 9}});
  const auto before = assign_uniform(input);
  auto more = input_of(3, {{topic(1), 9}});
  for (auto& member : more.members) {
    if (before.contains(member.id)) member.previous = &before.find(member.id)->second;
  }
  const auto after = assign_uniform(more);
  check(more, after);
  for (const auto& [id, set] : after) EXPECT_EQ(size_of(set), 3U);
  for (const auto& [id, set] : before) {
    for (const PartitionIndex partition : after.at(id).at(topic(1))) EXPECT_TRUE(set.at(topic(1)).contains(partition));
  }
}

TEST(Uniform, a_member_keeps_the_first_of_its_partitions) {
  const auto before = assign_uniform(input_of(1, {{topic(1), 4}}));
  auto input = input_of(2, {{topic(1), 4}});
  input.members[0].previous = &before.at("m0");
  const auto after = assign_uniform(input);
  EXPECT_EQ(after.at("m0").at(topic(1)), (std::set<PartitionIndex>{PartitionIndex(0), PartitionIndex(1)}));
}

TEST(Uniform, random_changes_keep_it_balanced_and_complete) {
  Prng prng(7);
  for (int run = 0; run < 60; ++run) {
    Assignments before;
    for (int step = 0; step < 8; ++step) {
      std::map<TopicId, std::int32_t> partitions;
      for (std::uint8_t i = 0; i < 4; ++i) partitions[topic(i)] = static_cast<std::int32_t>(1 + prng.below(12));
      auto input = input_of(1 + prng.below(7), partitions);
      const bool equal = prng.chance(1, 2);
      if (!equal) {
        for (auto& member : input.members) {
          std::erase_if(member.topics, [&](const TopicId& id) { return id != topic(0) && prng.chance(1, 2); });
        }
        std::erase_if(input.partitions, [&](const auto& entry) {
          return std::ranges::none_of(input.members, [&](const auto& member) {
            return std::ranges::binary_search(member.topics, entry.first);
          });
        });
      }
      for (auto& member : input.members) {
        if (before.contains(member.id)) member.previous = &before.find(member.id)->second;
      }
      auto result = assign_uniform(input);
      check(input, result);
      if (equal) {
        std::vector<std::size_t> sizes;
        for (const auto& [id, set] : result) sizes.push_back(size_of(set));
        EXPECT_LE(std::ranges::max(sizes) - std::ranges::min(sizes), 1U);
      }
      before = std::move(result);
    }
  }
}

TEST(Range, is_contiguous_and_alike_for_equal_topics) {
  const auto input = input_of(3, {{topic(1), 7}, {topic(2), 7}});
  const auto result = assign_range(input);
  check(input, result);
  for (const auto& [id, set] : result) EXPECT_EQ(set.at(topic(1)), set.at(topic(2)));
  EXPECT_EQ(result.at("m0").at(topic(1)), (std::set{PartitionIndex(0), PartitionIndex(1), PartitionIndex(2)}));
  EXPECT_EQ(result.at("m2").at(topic(1)), (std::set{PartitionIndex(5), PartitionIndex(6)}));
}

TEST(Range, static_members_are_ordered_by_instance) {
  auto input = input_of(2, {{topic(1), 2}});
  input.members[0].instance_id = "z";
  input.members[1].instance_id = "a";
  const auto result = assign_range(input);
  EXPECT_TRUE(result.at("m1").at(topic(1)).contains(PartitionIndex(0)));
}

TEST(Assignors, without_members_or_topics_give_nothing) {
  EXPECT_TRUE(assign_uniform({}).empty());
  EXPECT_TRUE(assign_range({}).empty());
  const auto lonely = input_of(2, {});
  EXPECT_EQ(assign_uniform(lonely).size(), 2U);
  EXPECT_EQ(find_assignor("sticky"), nullptr);
}

}  // namespace
}  // namespace chronik::coord
