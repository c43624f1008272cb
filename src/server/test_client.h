// For tests: a broker on a machine of the simulated world, and clients that speak to it in encoded requests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/broker.h"
#include "sim/sim_env.h"
#include "task/io.h"
#include "wire/header.h"
#include "wire/record_batch_builder.h"

namespace chronik::server {

using Settings = std::vector<std::pair<std::string, std::string>>;

class SimBroker {
 public:
  explicit SimBroker(std::size_t shards, Settings settings = {}, std::uint64_t seed = 1)
      : world(sim::World::create(seed)), machine(world->machine("broker")), client_machine_(world->machine("client")) {
    client_context = std::make_unique<task::Context>(client_machine_.env());
    shard_count_ = shards;
    settings_ = std::move(settings);
    start();
  }
  ~SimBroker() { drop(); }
  SimBroker(const SimBroker&) = delete;
  SimBroker& operator=(const SimBroker&) = delete;

  /// Runs the world until the task has ended.
  template <class T>
  T run(task::Context& context, task::Task<T> task, Duration limit = 10min) {
    auto result = begin(context, std::move(task));
    EXPECT_TRUE(world->run_until([&] { return result->has_value(); }, limit)) << "did not end in time";
    return std::move(**result);
  }
  template <class T>
  std::shared_ptr<std::optional<T>> begin(task::Context& context, task::Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    context.spawn("test", store(std::move(task), result));
    return result;
  }

  task::Context& context() { return shards->at(std::size_t{0}).context(); }
  meta::ImagePtr image() { return broker->metadata().view(shards->at(std::size_t{0})).image(); }
  BrokerId node() const { return broker->identity().node_id; }
  log::PartitionPtr partition(const std::string& topic, std::int32_t index) {
    const TopicPartition id{image()->find(topic)->id, PartitionIndex(index)};
    return broker->at(broker->owner(id)).log().find(id);
  }

  /// A graceful stop and a start on what is on disk. Connections end.
  void restart() {
    EXPECT_TRUE(run(context(), broker->stop(context().after(30s))));
    drop();
    machine.crash();  // the process is gone; everything was synced
    start();
  }

  /// A power cut in the middle of whatever was going on.
  void crash() {
    drop();
    machine.crash();
    start();
  }

  std::unique_ptr<sim::World> world;
  sim::Machine& machine;
  std::unique_ptr<task::Context> client_context;
  std::unique_ptr<shard::ShardSet> shards;
  std::unique_ptr<Broker> broker;

 private:
  template <class T>
  static task::Task<void> store(task::Task<T> task, std::shared_ptr<std::optional<T>> into) {
    into->emplace(co_await std::move(task));
  }
  void start() {
    std::vector<env::Env*> envs;
    for (std::size_t i = 0; i < shard_count_; ++i) envs.push_back(&machine.env(i));
    shards = std::make_unique<shard::ShardSet>(envs);
    BrokerOptions options;
    options.data_directory = "data";
    options.listen = {"broker", 9092};
    EXPECT_TRUE(meta::set(options.config, "wal.file.bytes", "1048576"));
    EXPECT_TRUE(meta::set(options.config, "wal.max.bytes", "16777216"));
    for (const auto& [key, value] : settings_) {
      const Status status = meta::set(options.config, key, value);
      EXPECT_TRUE(status) << status.error().message();
    }
    broker = std::make_unique<Broker>(*shards, options);
    const Status started = run(context(), broker->start());
    EXPECT_TRUE(started) << started.error().message();
  }
  void drop() {
    shards->stop();
    broker.reset();
    shards.reset();
  }

  sim::Machine& client_machine_;
  std::size_t shard_count_ = 1;
  Settings settings_;
};

/// One connection.
class SimClient {
 public:
  explicit SimClient(SimBroker& rig) : rig_(rig) {
    auto& context = *rig.client_context;
    auto stream = rig.run(context, task::connect(context, rig.broker->listening(), context.after(10s)));
    EXPECT_TRUE(stream);
    stream_ = *std::move(stream);
  }
  ~SimClient() { stream_->close(); }
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;

  template <class Request>
  using Pending = std::shared_ptr<std::optional<Result<typename Request::Response>>>;

  /// Sends and goes on; one at a time on one client.
  template <class Request>
  Pending<Request> send(const Request& request, std::int16_t version = Request::kSchema.max) {
    auto& context = *rig_.client_context;
    return rig_.begin(context, exchange<Request>(context, stream_, ++correlation_, request, version));
  }
  template <class Request>
  typename Request::Response await(Pending<Request> pending) {
    EXPECT_TRUE(rig_.world->run_until([&] { return pending->has_value(); }, 10min)) << "no answer";
    EXPECT_TRUE(**pending) << (**pending).error().message();
    return ***pending;
  }
  template <class Request>
  typename Request::Response call(const Request& request, std::int16_t version = Request::kSchema.max) {
    return await<Request>(send(request, version));
  }

 private:
  template <class Request>
  static task::Task<Result<typename Request::Response>> exchange(task::Context& context, env::StreamPtr stream,
                                                                 std::int32_t correlation, Request request,
                                                                 std::int16_t version) {
    const Deadline until = context.after(30min);
    CO_TRY(auto frame, wire::encode_request(correlation, "test", request, version));
    CO_TRY_STATUS(co_await task::write(context, stream, std::move(frame), until));
    CO_TRY(const Buffer prefix, co_await read_exactly(context, stream, wire::kFrameLengthSize, until));
    const auto length = static_cast<std::size_t>(load_be<std::int32_t>(prefix.data()));
    CO_TRY(const Buffer answer, co_await read_exactly(context, stream, length, until));
    CO_TRY(const auto parsed, wire::parse_response(answer, Request::kSchema.key, version));
    EXPECT_EQ(parsed.correlation_id, correlation);
    co_return wire::decode<typename Request::Response>(parsed.body, version);
  }
  static task::Task<Result<Buffer>> read_exactly(task::Context& context, env::StreamPtr stream, std::size_t length,
                                                 Deadline until) {
    auto block = Block::allocate(length);
    std::size_t have = 0;
    while (have < length) {
      CO_TRY(const std::size_t got, co_await task::read_some(context, stream, block, have, length - have, until));
      if (got == 0) co_return fail(Errc::closed, "the broker closed the connection");
      have += got;
    }
    co_return Buffer(block, ByteSpan(block->data(), length));
  }

  SimBroker& rig_;
  env::StreamPtr stream_;
  std::int32_t correlation_ = 0;
};

/// Broker and one client, with one shard and with three.
class HandlerTest : public testing::TestWithParam<std::size_t> {
 protected:
  SimBroker& rig() {
    if (!rig_) rig_ = std::make_unique<SimBroker>(GetParam(), settings_);
    return *rig_;
  }
  SimClient& client() {
    if (!client_) client_ = std::make_unique<SimClient>(rig());
    return *client_;
  }
  template <class Request>
  typename Request::Response call(const Request& request, std::int16_t version = Request::kSchema.max) {
    return client().call(request, version);
  }
  void reconnect() { client_ = std::make_unique<SimClient>(rig()); }

  /// Creates a topic through the metadata room.
  void make_topic(const std::string& name, std::int32_t partitions, meta::ConfigMap configs = {}) {
    std::vector<meta::TopicRequest> topics;
    topics.push_back({name, partitions, 1, std::move(configs)});
    auto& first = rig().shards->at(std::size_t{0});
    auto created = rig().run(rig().context(), meta::create_topics(rig().broker->metadata(), first, std::move(topics),
                                                                  false, rig().context().after(30s)));
    ASSERT_TRUE(created && (*created)[0].outcome.ok());
  }
  /// Appends `count` records, one batch each, and waits for the disk.
  void produce(const std::string& topic, std::int32_t index, int count) {
    const auto partition = rig().partition(topic, index);
    ASSERT_TRUE(partition);
    for (int i = 0; i < count; ++i) {
      wire::RecordBatchBuilder builder({});
      builder.add(UnixMillis(1'700'000'000'000 + i), std::nullopt, as_bytes("value"));
      ASSERT_TRUE(partition->append_internal(builder.build().value().span()));
    }
    ASSERT_TRUE(rig().world->run_until([&] { return partition->high_watermark().value() >= count; }, 60s));
  }

  Settings settings_;  // before the first use of rig()

 private:
  std::unique_ptr<SimBroker> rig_;
  std::unique_ptr<SimClient> client_;
};

inline const auto kShardCounts = testing::Values(std::size_t{1}, std::size_t{3});

}  // namespace chronik::server
