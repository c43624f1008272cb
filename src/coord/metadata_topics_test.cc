// The coordinator's view of the real metadata.
#include "coord/metadata_topics.h"

#include <gtest/gtest.h>

#include "sim/sim_env.h"

namespace chronik::coord {
namespace {

TEST(MetadataTopics, the_offsets_topic_is_compacted_and_made_once) {
  auto world = sim::World::create(1);
  shard::ShardSet shards({&world->machine("m").env(0), &world->machine("m").env(1)});
  const auto run = [&](std::size_t shard, auto body) {
    using T = typename decltype(body)::value_type;
    std::optional<T> result;
    shards.at(shard).context().spawn("test", [](auto task, std::optional<T>& into) -> task::Task<void> {
      into.emplace(co_await std::move(task));
    }(std::move(body), result));
    EXPECT_TRUE(world->run_until([&] { return result.has_value(); }, 60s));
    return std::move(*result);
  };
  auto metadata = run(0, meta::Metadata::open(shards, "meta", {}));
  ASSERT_TRUE(metadata) << metadata.error().message();
  const Deadline soon = shards.at(std::size_t{0}).context().after(10s);
  MetadataTopics first(**metadata, shards.at(std::size_t{0}));
  MetadataTopics second(**metadata, shards.at(std::size_t{1}));
  EXPECT_FALSE(first.find(meta::kOffsetsTopic));
  const Status made = run(0, first.create_offsets_topic(50, soon));
  EXPECT_TRUE(made) << made.error().message();
  EXPECT_TRUE(run(1, second.create_offsets_topic(50, soon)));
  const auto topic = second.find(meta::kOffsetsTopic);
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->partitions, 50);
  EXPECT_EQ(first.find(topic->id)->name, meta::kOffsetsTopic);
  meta::MetadataView& view = (*metadata)->view(shards.at(std::size_t{0}));
  EXPECT_TRUE(view.topic_config(*view.image()->find(topic->id)).cleanup_compact);
  shards.stop();
}

TEST(MetadataTopics, a_brokers_defaults_are_kafkas) {
  const GroupConfig from_broker = group_config(meta::BrokerConfig(), 1);
  const GroupConfig defaults;
  EXPECT_EQ(from_broker.initial_rebalance_delay, defaults.initial_rebalance_delay);
  EXPECT_EQ(from_broker.min_session_timeout_ms, defaults.min_session_timeout_ms);
  EXPECT_EQ(from_broker.max_session_timeout_ms, defaults.max_session_timeout_ms);
  EXPECT_EQ(from_broker.group_max_size, defaults.group_max_size);
  EXPECT_EQ(from_broker.offset_metadata_max_bytes, defaults.offset_metadata_max_bytes);
  EXPECT_EQ(from_broker.offsets_retention_ms, defaults.offsets_retention_ms);
  EXPECT_EQ(from_broker.offsets_retention_check, defaults.offsets_retention_check);
  EXPECT_EQ(from_broker.offsets_topic_partitions, defaults.offsets_topic_partitions);
}

}  // namespace
}  // namespace chronik::coord
