// Peers that stop talking or stop listening: each wait for them has a deadline.
#include <gtest/gtest.h>

#include "server/test_client.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/fetch.h"
#include "wire/messages/metadata.h"

namespace chronik::server {
namespace {

class Peers : public testing::Test {
 protected:
  Peers() {
    auto connected = rig.run(context, task::connect(context, rig.broker->listening(), context.after(10s)));
    EXPECT_TRUE(connected);
    stream = *std::move(connected);
  }
  ~Peers() override { stream->close(); }

  std::size_t connections() { return rig.broker->at(ShardId{0}).connections(); }
  /// How long until the broker lets this connection go.
  Duration let_go(Duration limit) {
    EXPECT_TRUE(rig.world->run_until([&] { return connections() == 1; }, 10s));
    const Instant began = context.now();
    EXPECT_TRUE(rig.world->run_until([&] { return connections() == 0; }, limit)) << "still connected";
    return context.now() - began;
  }

  SimBroker rig{1};
  task::Context& context = *rig.client_context;
  env::StreamPtr stream;
};

// lesson: Forwarding a request hung forever when the leader died
TEST_F(Peers, one_that_stops_in_the_middle_of_a_frame_is_let_go) {
  auto part = Block::allocate(10);
  store_be<std::int32_t>(part->data(), 1000);
  std::vector<Buffer> pieces;
  pieces.emplace_back(part, ByteSpan(part->data(), 10));
  ASSERT_TRUE(rig.run(context, task::write(context, stream, std::move(pieces), context.after(10s))));
  EXPECT_GT(let_go(2min), 5s);
}

// lesson: Memory exhaustion under load (slow consumer)
TEST_F(Peers, one_that_takes_no_answer_is_let_go) {
  std::vector<Buffer> pieces;
  for (std::int32_t i = 0; i < 20'000; ++i) {
    auto frame = wire::encode_request(i, "deaf", wire::ApiVersionsRequest{}, 0).value();
    for (auto& piece : frame) pieces.push_back(std::move(piece));
  }
  const auto sent = rig.begin(context, task::write(context, stream, std::move(pieces), context.after(10min)));
  EXPECT_GT(let_go(5min), 5s);
  ASSERT_TRUE(rig.world->run_until([&] { return sent->has_value(); }, 1min));
  EXPECT_FALSE(**sent);  // held back, then cut off: it could not send everything
}

// As librdkafka 2.16 sends it for list_topics(): the array's null takes four bytes where the format has one.
TEST_F(Peers, bytes_after_a_request_are_ignored) {
  auto frame = wire::encode_request(7, "rdkafka", wire::MetadataRequest{}, 13).value();
  auto whole = Block::allocate(64);
  std::size_t size = 0;
  for (const Buffer& piece : frame) {
    std::memcpy(whole->data() + size, piece.data(), piece.size());
    size += piece.size();
  }
  std::memset(whole->data() + size, 0, 3);
  size += 3;
  store_be<std::int32_t>(whole->data(), static_cast<std::int32_t>(size - wire::kFrameLengthSize));
  std::vector<Buffer> pieces;
  pieces.emplace_back(whole, ByteSpan(whole->data(), size));
  ASSERT_TRUE(rig.run(context, task::write(context, stream, std::move(pieces), context.after(10s))));
  auto answer = Block::allocate(1024);
  const auto got = rig.run(context, task::read_some(context, stream, answer, 0, 1024, context.after(10s)));
  ASSERT_TRUE(got);
  ASSERT_GT(*got, 8U) << "the connection was closed";
  EXPECT_EQ(load_be<std::int32_t>(answer->data() + 4), 7);
}

TEST_F(Peers, ones_that_promise_long_frames_and_send_nothing_hold_up_nobody) {
  std::vector<env::StreamPtr> liars;
  for (int i = 0; i < 3; ++i) {
    auto connected = rig.run(context, task::connect(context, rig.broker->listening(), context.after(10s)));
    ASSERT_TRUE(connected);
    auto promise = Block::allocate(100);
    std::memset(promise->data(), 0, 100);
    store_be<std::int32_t>(promise->data(), 100 << 20);
    std::vector<Buffer> pieces;
    pieces.emplace_back(promise, ByteSpan(promise->data(), 100));
    ASSERT_TRUE(rig.run(context, task::write(context, *connected, std::move(pieces), context.after(10s))));
    liars.push_back(*std::move(connected));
  }
  rig.world->run_for(100ms);
  const Instant began = context.now();
  SimClient honest(rig);
  EXPECT_EQ(honest.call(wire::ApiVersionsRequest{}, 0).error_code, wire::ErrorCode::none);
  EXPECT_LT(context.now() - began, 1s);
  for (const auto& liar : liars) liar->close();
}

wire::FetchRequest fetch_all() {
  wire::FetchRequest request;
  request.max_wait_ms = 100;
  request.max_bytes = 64 << 20;
  request.topics.emplace_back().topic = "a";
  auto& partition = request.topics[0].partitions.emplace_back();
  partition.partition_max_bytes = 64 << 20;
  return request;
}

class DeafReaders : public HandlerTest {};

// lesson: Memory exhaustion under load (slow consumer)
TEST_P(DeafReaders, leave_memory_for_those_who_read) {
  settings_ = {{"memory.budget.bytes", "33554432"}};
  make_topic("a", 1);
  const auto log = rig().partition("a", 0);
  wire::RecordBatchBuilder builder({});
  builder.add(UnixMillis(1'700'000'000'000), std::nullopt, as_bytes(std::string(100'000, 'x')));
  const Buffer batch = builder.build().value();
  task::Context& owner = rig().broker->at(rig().broker->owner(log->id())).context();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(rig().run(owner, log->wal().room(batch.size(), owner.after(30s))));
    ASSERT_TRUE(log->append_internal(batch.span()));
    ASSERT_TRUE(rig().world->run_until([&] { return log->high_watermark().value() == i + 1; }, 10s));
  }
  task::Context& context = *rig().client_context;
  std::vector<env::StreamPtr> deaf;
  for (int i = 0; i < 12; ++i) {
    auto connected = rig().run(context, task::connect(context, rig().broker->listening(), context.after(10s)));
    ASSERT_TRUE(connected);
    std::vector<Buffer> pieces;
    for (std::int32_t n = 0; n < 60; ++n) {
      auto frame = wire::encode_request(n, "deaf", fetch_all(), 12).value();
      for (auto& piece : frame) pieces.push_back(std::move(piece));
    }
    ASSERT_TRUE(rig().run(context, task::write(context, *connected, std::move(pieces), context.after(10s))));
    deaf.push_back(*std::move(connected));
  }
  rig().world->run_for(2s);
  const Instant began = context.now();
  for (int i = 0; i < 5; ++i) EXPECT_GT(call(fetch_all(), 12).responses.at(0).partitions.at(0).records.size(), 0U);
  EXPECT_LT(context.now() - began, 2s);
  for (const auto& stream : deaf) stream->close();
}

INSTANTIATE_TEST_SUITE_P(Shards, DeafReaders, kShardCounts);

}  // namespace
}  // namespace chronik::server
