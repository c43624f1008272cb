// Properties of every message at every version: round trips, truncation, mutation, hostile lengths.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wire/catalogue.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/fetch.h"
#include "wire/messages/metadata.h"
#include "wire/messages/produce.h"

namespace chronik::wire {
namespace {

Buffer bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return Buffer::copy_of(as_bytes(text));
}

class EveryMessage : public testing::TestWithParam<const MessageOps*> {
 protected:
  template <class Check>
  void each_version(int rounds, Check check) {
    const MessageOps& ops = *GetParam();
    for (std::int16_t version = ops.schema.min; version <= ops.schema.max; ++version) {
      Prng prng(static_cast<std::uint64_t>(version) * 1000 + 7);
      for (int round = 0; round < rounds; ++round) {
        SCOPED_TRACE(std::string(ops.schema.name) + " v" + std::to_string(version) + " round " + std::to_string(round));
        check(ops, version, prng);
        if (HasFatalFailure()) return;
      }
    }
  }
};

TEST_P(EveryMessage, survives_decode_and_encode_unchanged) {
  each_version(60, [](const MessageOps& ops, std::int16_t version, Prng& prng) {
    const Buffer body = ops.random(prng, version);
    const auto again = ops.reencode(body, version);
    ASSERT_TRUE(again) << again.error().message();
    ASSERT_EQ(as_text(again->span()), as_text(body.span()));
    const auto text = ops.to_text(body, version);
    ASSERT_TRUE(text);
    ASSERT_TRUE(text->starts_with(ops.schema.name));
    ASSERT_EQ(text->find('\n'), std::string::npos);
  });
}

TEST_P(EveryMessage, cut_off_anywhere_is_an_error) {
  each_version(4, [](const MessageOps& ops, std::int16_t version, Prng& prng) {
    const Buffer body = ops.random(prng, version);
    for (std::size_t size = 0; size < body.size(); ++size) {
      // A copy of its own, so that the sanitizer sees a read past the end.
      const auto result = ops.to_text(Buffer::copy_of(body.span().first(size)), version);
      ASSERT_FALSE(result) << size << " of " << body.size();
      ASSERT_EQ(result.error().code, Errc::corrupt);
      ASSERT_NE(result.error().detail.find(ops.schema.name), std::string::npos);
    }
  });
}

TEST_P(EveryMessage, trailing_bytes_are_an_error) {
  each_version(4, [](const MessageOps& ops, std::int16_t version, Prng& prng) {
    std::string text(as_text(ops.random(prng, version).span()));
    text.push_back('\0');
    ASSERT_FALSE(ops.to_text(Buffer::copy_of(as_bytes(text)), version));
  });
}

TEST_P(EveryMessage, mutated_bytes_decode_or_fail_but_never_break) {
  each_version(60, [](const MessageOps& ops, std::int16_t version, Prng& prng) {
    std::string text(as_text(ops.random(prng, version).span()));
    if (text.empty()) return;
    for (std::uint64_t n = prng.below(6) + 1; n > 0; --n) {
      const int edge = prng.chance(1, 2) ? 0xff : static_cast<int>(prng.below(256));
      text[prng.below(text.size())] = static_cast<char>(edge);
    }
    const auto again = ops.reencode(Buffer::copy_of(as_bytes(text)), version);
    if (!again) return;
    // What was accepted is a message: it has a stable encoding.
    const auto twice = ops.reencode(*again, version);
    ASSERT_TRUE(twice) << twice.error().message();
    ASSERT_EQ(as_text(twice->span()), as_text(again->span()));
  });
}

TEST_P(EveryMessage, unknown_version_is_unsupported) {
  const MessageOps& ops = *GetParam();
  for (const int version : {ops.schema.min - 1, ops.schema.max + 1}) {
    const auto result = ops.to_text({}, static_cast<std::int16_t>(version));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::unsupported);
  }
}

std::vector<const MessageOps*> every_message() {
  std::vector<const MessageOps*> all;
  for (const MessageOps& ops : all_messages()) all.push_back(&ops);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, EveryMessage, testing::ValuesIn(every_message()),
                         [](const auto& info) { return std::string(info.param->schema.name); });

// ---- hostile input, by example ----

TEST(Decode, array_count_beyond_the_message_fails_at_once) {
  // Metadata v1: topics, with 2^31 - 1 announced and ten bytes left.
  const auto result = decode<MetadataRequest>(bytes({0x7f, 0xff, 0xff, 0xff, 0, 1, 'a', 0, 1, 'b', 0, 1, 'c', 0}), 1);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::corrupt);
  EXPECT_EQ(result.error().detail, "MetadataRequest v1, topics: array longer than the message at byte 4");
}

TEST(Decode, arrays_stay_within_the_memory_allowed) {
  // 4,000 topics of two bytes each: few on the wire, 40 times as much in memory.
  std::string text{'\0', '\0', '\x0f', '\xa0'};
  text.append(8000, '\0');
  const Buffer body = Buffer::copy_of(as_bytes(text));
  EXPECT_TRUE(decode<MetadataRequest>(body, 1));
  const auto result = decode<MetadataRequest>(body, 1, {.array_bytes_max = 16 * 1024});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().detail.find("memory"), std::string::npos);
}

TEST(Decode, negative_lengths_and_unexpected_nulls_fail) {
  EXPECT_FALSE(decode<MetadataRequest>(bytes({0xff, 0xff, 0xff, 0xfe}), 1));       // -2 topics
  EXPECT_FALSE(decode<MetadataRequest>(bytes({0xff, 0xff, 0xff, 0xff}), 0));       // null topics before v1
  EXPECT_TRUE(decode<MetadataRequest>(bytes({0xff, 0xff, 0xff, 0xff}), 1));        // null topics: all of them
  EXPECT_FALSE(decode<MetadataRequest>(bytes({0, 0, 0, 1, 0xff, 0xff}), 1));       // null name
  EXPECT_FALSE(decode<MetadataRequest>(bytes({0, 0, 0, 1, 0xff, 0xfe, 'a'}), 1));  // name of length -2
}

TEST(Decode, over_long_varints_fail) {
  EXPECT_FALSE(decode<ApiVersionsRequest>(bytes({0x80, 0x80, 0x80, 0x80, 0x80, 1}), 3));
  EXPECT_FALSE(decode<ApiVersionsRequest>(bytes({0xff, 0xff, 0xff, 0xff, 0x1f, 1}), 3));
  EXPECT_TRUE(decode<ApiVersionsRequest>(bytes({0x82, 0, 'a', 2, 'b', 0}), 3));  // not minimal, but sound
}

TEST(Decode, unknown_tagged_fields_are_passed_over) {
  const auto request = decode<ApiVersionsRequest>(bytes({2, 'a', 2, 'b', 2, 5, 1, 9, 0x80, 1, 2, 9, 9}), 3);
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->client_software_version, "b");
  EXPECT_EQ(encoded_size(*request, 3), 5U);
}

TEST(Decode, tagged_fields_out_of_order_or_too_long_fail) {
  EXPECT_FALSE(decode<ApiVersionsRequest>(bytes({2, 'a', 2, 'b', 2, 5, 0, 5, 0}), 3));  // tag 5 twice
  EXPECT_FALSE(decode<ApiVersionsRequest>(bytes({2, 'a', 2, 'b', 1, 5, 9}), 3));        // nine bytes, none there
  // FinalizedFeaturesEpoch (tag 1) announced with nine bytes instead of eight.
  EXPECT_FALSE(decode<ApiVersionsResponse>(bytes({0, 0, 1, 0, 0, 0, 0, 1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 3));
}

TEST(Decode, records_of_a_produce_request_are_slices_of_it) {
  ProduceRequest request;
  request.topic_data.push_back({.name = "t", .topic_id = {}, .partition_data = {}});
  request.topic_data[0].partition_data.push_back({PartitionIndex(0), Buffer::copy_of(as_bytes("records"))});
  const Buffer body = flatten(encode(request, 9).value());
  const auto decoded = decode<ProduceRequest>(body, 9).value();
  const Buffer& records = decoded.topic_data[0].partition_data[0].records;
  EXPECT_EQ(as_text(records.span()), "records");
  EXPECT_GE(records.data(), body.data());
  EXPECT_LE(records.data() + records.size(), body.data() + body.size());
}

TEST(Encode, records_of_a_fetch_response_are_not_copied) {
  const Buffer first = Buffer::copy_of(as_bytes(std::string(5000, 'a')));
  const Buffer second = Buffer::copy_of(as_bytes(std::string(6000, 'b')));
  FetchResponse response;
  FetchResponse::PartitionData partition;
  partition.records.pieces = {first, second};
  response.responses.push_back({.topic = "t", .topic_id = {}, .partitions = {partition, partition}});
  for (const std::int16_t version : {std::int16_t{4}, std::int16_t{11}, std::int16_t{18}}) {
    const auto pieces = encode(response, version).value();
    ASSERT_EQ(pieces.size(), version < 12 ? 6U : 7U);  // fields, a, b, fields, a, b, and tags at the end
    EXPECT_EQ(pieces[1].data(), first.data());
    EXPECT_EQ(pieces[5].data(), second.data());
    EXPECT_EQ(total_size(pieces), encoded_size(response, version));
  }
}

TEST(Encode, a_string_too_long_for_its_length_field_is_an_error) {
  MetadataRequest request;
  request.topics.emplace().push_back({.topic_id = {}, .name = std::string(40'000, 'x')});
  EXPECT_EQ(encode(request, 1).error().code, Errc::invalid_argument);
  EXPECT_TRUE(encode(request, 9));  // compact strings can say it
}

TEST(Encode, null_becomes_empty_where_the_version_has_no_null) {
  const MetadataRequest request;  // all topics
  EXPECT_EQ(as_text(flatten(encode(request, 0).value()).span()), std::string(4, '\0'));
}

TEST(Print, shows_names_values_and_sizes) {
  ProduceRequest request;
  request.acks = -1;
  request.topic_data.push_back({.name = "a\n\"b", .topic_id = {}, .partition_data = {}});
  request.topic_data[0].partition_data.push_back({PartitionIndex(3), Buffer::copy_of(as_bytes("12345"))});
  request.topic_data[0].partition_data.push_back({PartitionIndex(4), {}});
  EXPECT_EQ(to_text(request, 9),
            "ProduceRequest{transactional_id=null, acks=-1, timeout_ms=0, topic_data=[{name=\"a\\x0a\\x22b\", "
            "partition_data=[{index=3, records=<5 bytes>}, {index=4, records=<0 bytes>}]}]}");
}

}  // namespace
}  // namespace chronik::wire
