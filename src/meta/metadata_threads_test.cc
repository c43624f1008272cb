// The facade on three real threads and a real disk: what ThreadSanitizer looks at.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <string>

#include "env/real/host.h"
#include "meta/meta.h"

namespace chronik::meta {
namespace {

constexpr std::size_t kShards = 3;
constexpr int kClients = 128;

struct Scene {
  std::unique_ptr<env::Host> host;
  std::unique_ptr<shard::ShardSet> shards;
  std::unique_ptr<Metadata> metadata;
  std::vector<std::vector<ProducerId>> ids = std::vector<std::vector<ProducerId>>(kShards);  // by shard
  std::vector<int> listened = std::vector<int>(kShards);
  std::atomic<int> failures{0};
  std::atomic<int> running{0};
};

task::Task<void> client(Scene& scene, shard::Shard& shard, int number) {
  task::Context& context = shard.context();
  std::vector<TopicRequest> topics = {{"t" + std::to_string(number), 3, 1, {}}};
  const auto created =
      co_await create_topics(*scene.metadata, shard, std::move(topics), false, context.after(std::chrono::seconds(30)));
  const bool good = created && created->at(0).outcome.ok();
  // Visible here, whatever shard asked.
  if (!good || !scene.metadata->view(shard).image()->find(created->at(0).id)) ++scene.failures;
  const auto id = co_await scene.metadata->next_producer_id(shard, context.after(std::chrono::seconds(30)));
  if (id) scene.ids[shard.id().value()].push_back(*id);
  if (--scene.running == 0) scene.host->stop();
}

/// On each shard: a listener, and its share of the clients.
task::Task<Status> start_clients(Scene& scene, shard::Shard& here, std::size_t i) {
  scene.metadata->view(here).listen([&scene, i](const ImagePtr&, const ImagePtr&) { ++scene.listened[i]; });
  for (int n = static_cast<int>(i); n < kClients; n += static_cast<int>(kShards)) {
    here.context().spawn("test.client", client(scene, here, n));
  }
  co_return Status{};
}

task::Task<void> begin(Scene& scene, shard::Shard& home, std::string directory, BrokerConfig broker) {
  auto opened = co_await Metadata::open(*scene.shards, std::move(directory), {.broker = std::move(broker)});
  if (!opened) {
    ADD_FAILURE() << opened.error().message();
    scene.host->stop();
    co_return;
  }
  scene.metadata = std::move(*opened);
  scene.running = kClients;
  for (std::size_t i = 0; i < kShards; ++i) {
    const auto started =
        co_await shard::call(home, scene.shards->at(i), "test.start", home.context().after(std::chrono::seconds(30)),
                             [&scene, i](shard::Shard& here) { return start_clients(scene, here, i); });
    if (!started) ++scene.failures;
  }
}

TEST(MetadataThreads, a_hundred_and_twenty_eight_clients_on_three_threads) {
  Scene scene;
  auto host = env::Host::create({.loops = kShards, .disk = env::DiskBackend::thread_pool});
  ASSERT_TRUE(host);
  scene.host = std::move(*host);
  const std::string directory =
      testing::TempDir() + "chronik-meta-" + std::to_string(scene.host->env(0).entropy.next());
  std::vector<env::Env*> envs;
  for (std::size_t i = 0; i < kShards; ++i) envs.push_back(&scene.host->env(i));
  scene.shards = std::make_unique<shard::ShardSet>(envs);
  BrokerConfig broker;
  ASSERT_TRUE(set(broker, "disk.stall.timeout.ms", "60000"));
  shard::Shard& home = scene.shards->at(0);
  home.context().spawn("test", begin(scene, home, directory, broker));
  scene.host->run();
  scene.shards->stop();

  EXPECT_EQ(scene.failures, 0);
  ASSERT_TRUE(scene.metadata);
  std::set<ProducerId> distinct;
  std::size_t given = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    EXPECT_GT(scene.listened[i], 1);
    EXPECT_EQ(scene.metadata->view(scene.shards->at(i)).image()->topics().size(), static_cast<std::size_t>(kClients));
    given += scene.ids[i].size();
    distinct.insert(scene.ids[i].begin(), scene.ids[i].end());
  }
  EXPECT_EQ(given, static_cast<std::size_t>(kClients));
  EXPECT_EQ(distinct.size(), given);
  scene.metadata.reset();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace chronik::meta
