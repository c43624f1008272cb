// The facade on three simulated shards: visibility everywhere, listeners, administrative requests, producer ids.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "meta/meta.h"
#include "sim/sim_env.h"

namespace chronik::meta {
namespace {

using wire::ErrorCode;

class MetadataTest : public testing::Test {
 protected:
  static constexpr std::size_t kShards = 3;

  void SetUp() override { start(); }
  void TearDown() override { end(); }

  void start(Duration limit = 10s) {
    std::vector<env::Env*> envs;
    for (std::size_t i = 0; i < kShards; ++i) envs.push_back(&machine.env(i));
    shards = std::make_unique<shard::ShardSet>(envs);
    auto opened = run(0, Metadata::open(*shards, "meta", options), limit);
    ASSERT_TRUE(opened) << opened.error().message();
    metadata = std::move(*opened);
  }
  void end() {
    machine.crash();
    if (shards) shards->stop();
    metadata.reset();
    shards.reset();
  }
  void restart() {
    world->run_for(1s);
    end();
    start();
  }

  /// Runs a task on a shard to its end.
  template <class T>
  T run(std::size_t shard, task::Task<T> body, Duration limit = 60s) {
    std::optional<T> result;
    shards->at(shard).context().spawn("test", keep(std::move(body), result));
    EXPECT_TRUE(world->run_until([&] { return result.has_value(); }, limit));
    return std::move(*result);
  }
  template <class T>
  static task::Task<void> keep(task::Task<T> body, std::optional<T>& into) {
    into.emplace(co_await std::move(body));
  }
  shard::Shard& at(std::size_t i) { return shards->at(i); }
  Deadline soon() { return at(0).context().after(5s); }

  std::vector<CreatedTopic> create(std::size_t shard, std::vector<TopicRequest> topics, bool validate_only = false) {
    auto created = run(shard, create_topics(*metadata, at(shard), std::move(topics), validate_only, soon()));
    EXPECT_TRUE(created);
    return std::move(*created);
  }
  std::vector<ItemOutcome> alter(const std::string& topic, std::vector<ConfigChange> changes, bool replace = false) {
    auto done = run(1, alter_topic_configs(*metadata, at(1), {{topic, replace, std::move(changes)}}, false, soon()));
    EXPECT_TRUE(done);
    return std::move(*done);
  }

  std::unique_ptr<sim::World> world = sim::World::create(7);
  sim::Machine& machine = world->machine("node");
  MetadataOptions options;
  std::unique_ptr<shard::ShardSet> shards;
  std::unique_ptr<Metadata> metadata;
};

TEST_F(MetadataTest, a_created_topic_is_visible_on_every_shard_when_the_proposal_returns) {
  for (std::size_t from = 0; from < kShards; ++from) {
    const std::string name = "t" + std::to_string(from);
    const auto created = create(from, {{name, 5, 1, {}}});
    ASSERT_TRUE(created.at(0).outcome.ok());
    for (std::size_t seen = 0; seen < kShards; ++seen) {
      const TopicPtr topic = metadata->view(at(seen)).image()->find(name);
      ASSERT_TRUE(topic);
      EXPECT_EQ(topic->id, created.at(0).id);
      EXPECT_EQ(topic->partition_count(), 5);
    }
  }
}

TEST_F(MetadataTest, listeners_of_each_shard_see_every_change_once_and_in_order) {
  std::vector<std::vector<std::pair<Index, Index>>> seen(kShards);
  for (std::size_t i = 0; i < kShards; ++i) {
    metadata->view(at(i)).listen(
        [&seen, i](const ImagePtr& old, const ImagePtr& now) { seen[i].emplace_back(old->index(), now->index()); });
  }
  for (int n = 0; n < 10; ++n) create(static_cast<std::size_t>(n) % kShards, {{"t" + std::to_string(n), 1, 1, {}}});
  for (const auto& swaps : seen) {
    ASSERT_FALSE(swaps.empty());
    EXPECT_EQ(swaps.front().first, Index(0));  // at registration: from nothing
    for (std::size_t i = 1; i < swaps.size(); ++i) {
      EXPECT_EQ(swaps[i].first, swaps[i - 1].second);
      EXPECT_GT(swaps[i].second, swaps[i].first);
    }
    EXPECT_EQ(swaps.back().second, metadata->view(at(0)).image()->index());
  }
}

TEST_F(MetadataTest, a_view_can_be_waited_on) {
  std::optional<Result<ImagePtr>> found;
  at(2).context().spawn(
      "test", keep(metadata->view(at(2)).wait_for([](const Image& image) { return image.find("late") != nullptr; },
                                                  at(2).context().after(3s)),
                   found));
  world->run_for(1s);
  ASSERT_FALSE(found.has_value());
  create(0, {{"late", 1, 1, {}}});
  ASSERT_TRUE(world->run_until([&] { return found.has_value(); }, 1s));
  EXPECT_TRUE((**found)->find("late"));
  const auto never = run(1, metadata->view(at(1)).wait_for(Index(1000), at(1).context().after(1s)));
  EXPECT_EQ(never.error().code, Errc::timed_out);
}

TEST_F(MetadataTest, everything_is_there_after_a_restart) {
  const auto created = create(1, {{"kept", 3, 1, {{"retention.ms", "1000"}}}});
  const std::string cluster = metadata->view(at(0)).image()->cluster_id();
  const wal::LogId log_id = metadata->view(at(0)).image()->log_id();
  EXPECT_EQ(cluster.size(), 22U);
  EXPECT_NE(log_id, wal::LogId{});
  restart();
  for (std::size_t i = 0; i < kShards; ++i) {
    MetadataView& view = metadata->view(at(i));
    ASSERT_TRUE(view.image()->find("kept"));
    EXPECT_EQ(view.image()->find(created.at(0).id)->name, "kept");
    EXPECT_EQ(view.topic_config(*view.image()->find("kept")).retention_ms, 1000);
    EXPECT_EQ(view.image()->cluster_id(), cluster);
    EXPECT_EQ(view.image()->log_id(), log_id);
  }
}

TEST_F(MetadataTest, another_cluster_id_than_that_of_the_data_is_refused) {
  end();
  ASSERT_TRUE(set(options.broker, "cluster.id", "another"));
  std::vector<env::Env*> envs;
  for (std::size_t i = 0; i < kShards; ++i) envs.push_back(&machine.env(i));
  shards = std::make_unique<shard::ShardSet>(envs);
  const auto opened = run(0, Metadata::open(*shards, "meta", options));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::invalid_argument);
}

TEST_F(MetadataTest, generations_grow_over_restarts) {
  Generation last{};
  for (int life = 0; life < 3; ++life) {
    for (std::size_t i = 0; i < kShards; ++i) {
      const auto generation = run(i, metadata->allocate_generation(at(i), soon()));
      ASSERT_TRUE(generation);
      EXPECT_GT(*generation, last);
      last = *generation;
    }
    restart();
  }
}

TEST_F(MetadataTest, producer_ids_are_never_given_twice_and_come_in_blocks) {
  std::set<ProducerId> seen;
  const Index before = metadata->view(at(0)).image()->index();
  for (int round = 0; round < 500; ++round) {
    for (std::size_t i = 0; i < kShards; ++i) {
      const auto id = run(i, metadata->next_producer_id(at(i), soon()));
      ASSERT_TRUE(id);
      ASSERT_TRUE(seen.insert(*id).second);
    }
  }
  EXPECT_LE(metadata->view(at(0)).image()->index().value() - before.value(), 3U);
  restart();
  std::vector<std::optional<Result<ProducerId>>> many(128);  // all want the first id of a new block at once
  for (auto& slot : many) at(1).context().spawn("test", keep(metadata->next_producer_id(at(1), soon()), slot));
  world->run_for(1s);
  for (const auto& slot : many) {
    ASSERT_TRUE(slot.has_value() && *slot);
    ASSERT_TRUE(seen.insert(**slot).second);
  }
}

TEST_F(MetadataTest, a_thousand_partitions_in_far_less_than_a_second) {
  const Instant begun = world->now();
  ASSERT_TRUE(create(2, {{"wide", 1000, 1, {}}}).at(0).outcome.ok());
  EXPECT_LT(world->now() - begun, Duration(50ms));
}

TEST_F(MetadataTest, a_hundred_and_twenty_eight_clients_create_at_once) {
  std::vector<std::optional<Result<std::vector<CreatedTopic>>>> results(128);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::size_t shard = i % kShards;
    std::vector<TopicRequest> topics = {{"own" + std::to_string(i), 2, 1, {}}, {"shared", 1, 1, {}}};
    at(shard).context().spawn("test",
                              keep(create_topics(*metadata, at(shard), std::move(topics), false, soon()), results[i]));
  }
  world->run_for(5s);
  int won = 0;
  for (const auto& result : results) {
    ASSERT_TRUE(result.has_value() && *result);
    EXPECT_TRUE((**result).at(0).outcome.ok());
    won += (**result).at(1).outcome.ok() ? 1 : 0;
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(metadata->view(at(2)).image()->topics().size(), 129U);
}

TEST_F(MetadataTest, a_stalled_disk_fails_proposals_by_name_and_views_go_on) {
  create(0, {{"t", 1, 1, {}}});
  world->run_for(1s);
  machine.disk_faults().stalled = true;
  const auto refused = run(2, metadata->propose(at(2), AllocateGeneration{}, at(2).context().after(30s)));
  EXPECT_EQ(refused.error().code, Errc::storage_failed);
  EXPECT_EQ(metadata->health().error().code, Errc::storage_failed);
  EXPECT_TRUE(metadata->view(at(2)).image()->find("t"));
  const Instant begun = world->now();
  EXPECT_EQ(run(1, metadata->allocate_generation(at(1), at(1).context().after(30s))).error().code,
            Errc::storage_failed);
  EXPECT_LT(world->now() - begun, Duration(100ms));
}

TEST_F(MetadataTest, a_proposal_ends_by_its_deadline) {
  world->run_for(1s);
  machine.disk_faults().stalled = true;
  const Instant begun = world->now();
  EXPECT_EQ(run(1, metadata->allocate_generation(at(1), at(1).context().after(2s))).error().code, Errc::timed_out);
  EXPECT_LE(world->now() - begun, Duration(2100ms));
}

TEST_F(MetadataTest, create_topics_checks_every_item) {
  create(0, {{"taken", 1, 1, {}}});
  const auto created = create(1, {{"good", -1, -1, {}},
                                  {"twice", 1, 1, {}},
                                  {"twice", 2, 1, {}},
                                  {"taken", 1, 1, {}},
                                  {"bad/name", 1, 1, {}},
                                  {"zero", 0, 1, {}},
                                  {"copies", 1, 3, {}},
                                  {"config", 1, 1, {{"preallocate", "true"}}},
                                  {"unknown", 1, 1, {{"no.such.config", "1"}}}});
  std::vector<ErrorCode> errors;
  for (const CreatedTopic& topic : created) {
    errors.push_back(topic.outcome.error);
    EXPECT_EQ(topic.outcome.ok(), !topic.id.is_zero());
    EXPECT_EQ(topic.outcome.ok(), topic.outcome.message.empty());
  }
  const std::vector<ErrorCode> expected = {ErrorCode::none,
                                           ErrorCode::invalid_request,
                                           ErrorCode::invalid_request,
                                           ErrorCode::topic_already_exists,
                                           ErrorCode::invalid_topic_exception,
                                           ErrorCode::invalid_partitions,
                                           ErrorCode::invalid_replication_factor,
                                           ErrorCode::invalid_config,
                                           ErrorCode::invalid_config};
  EXPECT_EQ(errors, expected);
  EXPECT_EQ(created.at(0).partitions, 1);
  EXPECT_EQ(metadata->view(at(0)).image()->topics().size(), 2U);
  const auto checked = create(1, {{"dry", 4, 1, {}}, {"ta.ken", 1, 1, {}}, {"good", 1, 1, {}}}, true);
  EXPECT_TRUE(checked.at(0).outcome.ok());
  EXPECT_EQ(checked.at(2).outcome.error, ErrorCode::topic_already_exists);
  EXPECT_FALSE(metadata->view(at(0)).image()->find("dry"));
}

TEST_F(MetadataTest, delete_topics_by_name_and_by_id) {
  const auto created = create(0, {{"a", 1, 1, {}}, {"b", 1, 1, {}}, {std::string(kOffsetsTopic), 1, 1, {}}});
  auto deleted = run(2, delete_topics(*metadata, at(2),
                                      {{"a", {}},
                                       {std::nullopt, created.at(1).id},
                                       {"nope", {}},
                                       {std::nullopt, TopicId{{9}}},
                                       {std::string(kOffsetsTopic), {}}},
                                      soon()));
  ASSERT_TRUE(deleted);
  EXPECT_TRUE(deleted->at(0).outcome.ok());
  EXPECT_TRUE(deleted->at(1).outcome.ok());
  EXPECT_EQ(deleted->at(1).name, "b");
  EXPECT_EQ(deleted->at(2).outcome.error, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(deleted->at(3).outcome.error, ErrorCode::unknown_topic_id);
  EXPECT_EQ(deleted->at(4).outcome.error, ErrorCode::invalid_request);
  const ImagePtr image = metadata->view(at(1)).image();
  EXPECT_EQ(image->topics().size(), 1U);
  EXPECT_TRUE(image->is_tombstone(created.at(0).id));
}

TEST_F(MetadataTest, partitions_grow_through_create_partitions) {
  create(0, {{"t", 2, 1, {}}});
  const auto grown = run(1, create_partitions(*metadata, at(1), {{"t", 4}, {"nope", 4}}, false, soon()));
  EXPECT_TRUE(grown->at(0).ok());
  EXPECT_EQ(grown->at(1).error, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(metadata->view(at(2)).image()->find("t")->partition_count(), 4);
  const auto shrunk = run(1, create_partitions(*metadata, at(1), {{"t", 3}}, false, soon()));
  EXPECT_EQ(shrunk->at(0).error, ErrorCode::invalid_partitions);
}

TEST_F(MetadataTest, topic_configs_are_altered_or_refused_by_name) {
  create(0, {{"t", 1, 1, {}}});
  using enum ConfigOperation;
  EXPECT_TRUE(alter("t", {{"retention.ms", ConfigOperation::set, "5"}}).at(0).ok());
  EXPECT_EQ(alter("t", {{"retention.ms", ConfigOperation::set, "x"}}).at(0).error, ErrorCode::invalid_config);
  EXPECT_EQ(alter("t", {{"min.insync.replicas", ConfigOperation::set, "2"}}).at(0).error, ErrorCode::invalid_config);
  EXPECT_EQ(alter("t", {{"retention.ms", append, "5"}}).at(0).error, ErrorCode::invalid_config);
  EXPECT_EQ(alter("t", {{"cleanup.policy", append, "shred"}}).at(0).error, ErrorCode::invalid_config);
  EXPECT_EQ(alter("t", {{"nope", remove, ""}}).at(0).error, ErrorCode::invalid_config);
  EXPECT_EQ(alter("u", {{"retention.ms", ConfigOperation::set, "5"}}).at(0).error,
            ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(alter("t", {{"cleanup.policy", append, "delete"}}).at(0).ok());
  MetadataView& view = metadata->view(at(2));
  EXPECT_EQ(view.image()->find("t")->configs, (ConfigMap{{"cleanup.policy", "delete"}, {"retention.ms", "5"}}));
  EXPECT_TRUE(alter("t", {{"segment.ms", ConfigOperation::set, "9"}}, true).at(0).ok());
  EXPECT_EQ(view.image()->find("t")->configs, (ConfigMap{{"segment.ms", "9"}}));
}

TEST_F(MetadataTest, dynamic_broker_configs_reach_every_shard) {
  using enum ConfigOperation;
  const auto alter_broker = [&](BrokerId broker, std::vector<ConfigChange> changes) {
    return run(1, alter_broker_configs(*metadata, at(1), broker, false, std::move(changes), false, soon()))->error;
  };
  EXPECT_EQ(alter_broker(kEveryBroker, {{"log.retention.ms", ConfigOperation::set, "77"}}), ErrorCode::none);
  EXPECT_EQ(alter_broker(BrokerId(1), {{"message.max.bytes", ConfigOperation::set, "5000"}}), ErrorCode::none);
  EXPECT_EQ(alter_broker(BrokerId(2), {{"message.max.bytes", ConfigOperation::set, "5000"}}),
            ErrorCode::invalid_request);
  EXPECT_EQ(alter_broker(BrokerId(1), {{"num.partitions", ConfigOperation::set, "5"}}), ErrorCode::invalid_config);
  EXPECT_EQ(alter_broker(BrokerId(1), {{"num.partitions", remove, ""}}), ErrorCode::invalid_config);
  EXPECT_EQ(alter_broker(BrokerId(1), {{"nope", ConfigOperation::set, "5"}}), ErrorCode::invalid_config);
  for (std::size_t i = 0; i < kShards; ++i) {
    EXPECT_EQ(metadata->view(at(i)).broker().topic_defaults.retention_ms, 77);
    EXPECT_EQ(metadata->view(at(i)).broker().topic_defaults.max_message_bytes, 5000);
  }
  EXPECT_EQ(alter_broker(kEveryBroker, {{"log.retention.ms", remove, ""}}), ErrorCode::none);
  EXPECT_EQ(metadata->view(at(2)).broker().topic_defaults.retention_ms, 604'800'000);
}

}  // namespace
}  // namespace chronik::meta
