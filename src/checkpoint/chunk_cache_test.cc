#include "checkpoint/chunk_cache.h"

#include <gtest/gtest.h>

namespace chronik::checkpoint {
namespace {

ChunkCache::Bytes bytes(std::size_t count) {
  return std::make_shared<const std::string>(count, 'x');
}

bool has(ChunkCache& cache, std::uint64_t number) {
  const std::uint64_t numbers[] = {number};
  return cache.find(numbers)[0] != nullptr;
}

TEST(ChunkCache, keeps_what_was_used_last_within_its_bounds) {
  constexpr std::size_t kBound = 100'000;
  ChunkCache cache(kBound);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    cache.put({{i, bytes(1000)}});
    EXPECT_TRUE(has(cache, 0));  // in use all the time
    EXPECT_LE(cache.bytes(), kBound);
  }
  EXPECT_TRUE(has(cache, 999));
  EXPECT_FALSE(has(cache, 500));
  EXPECT_GT(cache.bytes(), kBound / 2);
}

TEST(ChunkCache, does_without_what_is_too_large_and_without_room_at_all) {
  ChunkCache cache(1000);
  cache.put({{1, bytes(500)}, {2, bytes(2000)}, {1, bytes(500)}});
  EXPECT_TRUE(has(cache, 1));
  EXPECT_FALSE(has(cache, 2));
  ChunkCache none(0);
  none.put({{1, bytes(1)}});
  EXPECT_FALSE(has(none, 1));
  EXPECT_EQ(none.bytes(), 0U);
}

}  // namespace
}  // namespace chronik::checkpoint
