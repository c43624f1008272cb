// Produce under a full disk: what is refused for want of room leaves the producer's order as it was.
#include "wire/messages/produce.h"
#include "server/test_client.h"

namespace chronik::server {
namespace {

using wire::ErrorCode;

class Produce : public HandlerTest {
 protected:
  ErrorCode produce_as(ProducerId producer, std::int32_t sequence, std::size_t bytes) {
    wire::BatchOptions options;
    options.producer_id = producer;
    if (producer != wire::kNoProducerId) options.producer_epoch = ProducerEpoch(0), options.base_sequence = sequence;
    wire::RecordBatchBuilder builder(options);
    builder.add(UnixMillis(1'700'000'000'000), std::nullopt, as_bytes(std::string(bytes, 'x')));
    wire::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 500;
    request.topic_data.push_back({.name = "a", .topic_id = {}, .partition_data = {}});
    request.topic_data[0].partition_data.push_back({PartitionIndex(0), builder.build().value()});
    return call(request, 12).responses.at(0).partition_responses.at(0).error_code;
  }
  void set_capacity(std::uint64_t bytes) {
    rig().machine.disk_faults().capacity = bytes;
    rig().machine.disk_faults_changed();
  }
};

// Simulator, world disk, seed 30067: the second batch of a new producer overtook the first one, which had found no
// room.
TEST_P(Produce, nothing_overtakes_the_first_batch_of_a_producer_that_found_no_room) {
  make_topic("a", 1);
  set_capacity(1);
  ErrorCode error = ErrorCode::none;
  for (int i = 0; i < 100 && error == ErrorCode::none; ++i) error = produce_as(wire::kNoProducerId, -1, 500'000);
  ASSERT_NE(error, ErrorCode::none) << "the disk was never full";
  const ProducerId producer(77);
  ASSERT_NE(produce_as(producer, 0, 500'000), ErrorCode::none);
  set_capacity(1ULL << 30);
  rig().world->run_for(10s);
  EXPECT_EQ(produce_as(producer, 1, 10), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(produce_as(producer, 0, 10), ErrorCode::none);
  EXPECT_EQ(produce_as(producer, 1, 10), ErrorCode::none);
}

TEST_P(Produce, a_topic_of_one_codec_stores_every_batch_in_it) {
  constexpr std::pair<const char*, wire::Codec> kTypes[] = {{"uncompressed", wire::Codec::none},
                                                            {"gzip", wire::Codec::gzip},
                                                            {"snappy", wire::Codec::snappy},
                                                            {"lz4", wire::Codec::lz4},
                                                            {"zstd", wire::Codec::zstd}};
  for (const auto& [type, codec] : kTypes) {
    make_topic(type, 1, {{"compression.type", type}});
    for (const wire::Codec from : wire::kAllCodecs) {
      wire::RecordBatchBuilder builder({.codec = from});
      builder.add(UnixMillis(1'700'000'000'000), as_bytes("key"), as_bytes(std::string(1000, 'x')));
      wire::ProduceRequest request;
      request.acks = -1;
      request.timeout_ms = 5000;
      request.topic_data.push_back({.name = type, .topic_id = {}, .partition_data = {}});
      request.topic_data[0].partition_data.push_back({PartitionIndex(0), builder.build().value()});
      EXPECT_EQ(call(request, 12).responses.at(0).partition_responses.at(0).error_code, ErrorCode::none);
    }
    const auto log = rig().partition(type, 0);
    task::Context& owner = rig().broker->at(rig().broker->owner(log->id())).context();
    const auto run = rig().run(owner, log->read(Offset(0), 1 << 20, owner.after(10s)));
    ASSERT_TRUE(run);
    int batches = 0;
    for (const Buffer& piece : run->pieces) {
      wire::BatchSplitter splitter(piece.span());
      for (auto batch = splitter.next(); batch && *batch; batch = splitter.next()) {
        EXPECT_EQ((*batch)->header.codec(), codec);
        EXPECT_TRUE(wire::batch_crc_holds((*batch)->bytes));
        ++batches;
      }
    }
    EXPECT_EQ(batches, 5);
  }
}

// KIP-467.
TEST_P(Produce, a_refusal_names_the_records_at_fault) {
  make_topic("a", 2, {{"cleanup.policy", "compact"}});
  const auto batch = [](int keyless) {
    wire::RecordBatchBuilder builder({});
    builder.add(UnixMillis(1'700'000'000'000), as_bytes("key"), as_bytes("v"));
    for (int i = 0; i < keyless; ++i) builder.add(UnixMillis(1'700'000'000'000), std::nullopt, as_bytes("v"));
    return builder.build().value();
  };
  wire::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 1000;
  request.topic_data.emplace_back().name = "a";
  request.topic_data[0].partition_data.push_back({PartitionIndex(0), batch(2)});
  request.topic_data[0].partition_data.push_back({PartitionIndex(1), batch(0)});
  const auto answers = call(request, 12).responses.at(0).partition_responses;
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].error_code, ErrorCode::invalid_record);
  EXPECT_TRUE(answers[0].error_message);
  ASSERT_EQ(answers[0].record_errors.size(), 2U);
  EXPECT_EQ(answers[0].record_errors[0].batch_index, 1);
  EXPECT_EQ(answers[0].record_errors[1].batch_index, 2);
  EXPECT_TRUE(answers[0].record_errors[0].batch_index_error_message);
  EXPECT_EQ(answers[1].error_code, ErrorCode::none);
  EXPECT_TRUE(answers[1].record_errors.empty());

  // However many batches there are, one answer has one bound.
  request.topic_data[0].partition_data = {{PartitionIndex(0), batch(700)}, {PartitionIndex(1), batch(700)}};
  const auto many = call(request, 12).responses.at(0).partition_responses;
  ASSERT_EQ(many.size(), 2U);
  EXPECT_EQ(many[1].error_code, ErrorCode::invalid_record);
  EXPECT_EQ(many[0].record_errors.size() + many[1].record_errors.size(), wire::kRecordFaultsMax);
}

TEST_P(Produce, what_its_codec_makes_too_large_is_refused) {
  make_topic("a", 1, {{"compression.type", "uncompressed"}, {"max.message.bytes", "10000"}});
  wire::RecordBatchBuilder builder({.codec = wire::Codec::zstd});
  builder.add(UnixMillis(1'700'000'000'000), std::nullopt, as_bytes(std::string(20'000, 'x')));
  wire::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 5000;
  request.topic_data.push_back({.name = "a", .topic_id = {}, .partition_data = {}});
  request.topic_data[0].partition_data.push_back({PartitionIndex(0), builder.build().value()});
  EXPECT_EQ(call(request, 12).responses.at(0).partition_responses.at(0).error_code, ErrorCode::message_too_large);
}

INSTANTIATE_TEST_SUITE_P(Shards, Produce, kShardCounts);

}  // namespace
}  // namespace chronik::server
