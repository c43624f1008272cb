#include "coord/routing.h"

#include <gtest/gtest.h>

#include "coord/utf16.h"

namespace chronik::coord {
namespace {

TEST(Routing, hashes_are_javas) {
  // Values of String.hashCode.
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("abc"), 96354);
  EXPECT_EQ(java_hash("hello world"), 1794106052);
  EXPECT_EQ(java_hash("polygenelubricants"), INT32_MIN);
  EXPECT_EQ(java_hash("\xc3\xa9"), 0xE9);                          // one unit
  EXPECT_EQ(java_hash("\xf0\x9f\x98\x80"), 0xD83D * 31 + 0xDE00);  // a surrogate pair
  EXPECT_EQ(utf16_length("a\xc3\xa9\xf0\x9f\x98\x80"), 4U);
  EXPECT_EQ(utf16_length("\xff\xc0\x80\xed\xa0\x80\xf0\x9f"), 8U);  // no UTF-8: byte by byte
}

TEST(Routing, groups_go_where_kafka_puts_them) {
  EXPECT_EQ(offsets_partition("abc", 50), PartitionIndex(4));
  EXPECT_EQ(offsets_partition("polygenelubricants", 50), PartitionIndex(0));
  EXPECT_EQ(offsets_partition("", 50), PartitionIndex(0));
  for (int i = 0; i < 1000; ++i) {
    const auto partition = offsets_partition("group-" + std::to_string(i), 7).value();
    EXPECT_TRUE(partition >= 0 && partition < 7);
  }
}

TEST(Routing, requests_for_several_groups_are_split_by_owner_and_nothing_is_lost) {
  const GroupOwner owner =
      group_owner(50, [](PartitionIndex p) { return ShardId(static_cast<std::uint32_t>(p.value() % 3)); });
  wire::DescribeGroupsRequest describe;
  wire::DeleteGroupsRequest remove;
  wire::OffsetFetchRequest fetch;
  fetch.require_stable = true;
  for (int i = 0; i < 30; ++i) {
    describe.groups.push_back("g" + std::to_string(i));
    remove.groups_names.push_back("g" + std::to_string(i));
    fetch.groups.emplace_back().group_id = "g" + std::to_string(i);
  }
  std::size_t groups = 0;
  for (const auto& [shard, part] : split(describe, owner)) {
    for (const auto& group : part.groups) EXPECT_EQ(owner(group), shard);
    groups += part.groups.size();
  }
  for (const auto& [shard, part] : split(remove, owner)) groups += part.groups_names.size();
  for (const auto& [shard, part] : split(fetch, 8, owner)) {
    EXPECT_TRUE(part.require_stable);
    groups += part.groups.size();
  }
  EXPECT_EQ(groups, 90U);
  fetch.group_id = "g7";
  const auto old = split(fetch, 7, owner);
  ASSERT_EQ(old.size(), 1U);
  EXPECT_EQ(old.begin()->first, owner("g7"));
}

TEST(Routing, merging_keeps_every_group_and_the_first_error) {
  wire::ListGroupsResponse all;
  wire::ListGroupsResponse part;
  part.groups.emplace_back().group_id = "a";
  merge(all, part);
  part.groups[0].group_id = "b";
  part.error_code = wire::ErrorCode::coordinator_load_in_progress;
  merge(all, part);
  part.error_code = wire::ErrorCode::none;
  merge(all, part);
  EXPECT_EQ(all.groups.size(), 3U);
  EXPECT_EQ(all.error_code, wire::ErrorCode::coordinator_load_in_progress);
}

}  // namespace
}  // namespace chronik::coord
