// Versioned bytes: keys and values of internal topics, and the consumer protocol of newer clients.
#include <gtest/gtest.h>

#include <string>

#include "wire/records/consumer_protocol.h"
#include "wire/records/group_records.h"
#include "wire/records/versioned.h"

namespace chronik::wire {
namespace {

TEST(GroupRecords, keys_tell_their_kind) {
  const OffsetCommitKey offset{.group = "g", .topic = "t", .partition = PartitionIndex(3)};
  const Buffer bytes = encode_versioned(offset, 1).value();
  EXPECT_EQ(as_text(bytes.span()), std::string_view("\0\1\0\1g\0\1t\0\0\0\3", 12));
  const auto key = decode_group_key(bytes).value();
  ASSERT_TRUE(std::holds_alternative<OffsetCommitKey>(key));
  EXPECT_EQ(std::get<OffsetCommitKey>(key).partition, PartitionIndex(3));
  const auto group = decode_group_key(encode_versioned(GroupMetadataKey{.group = "g"}, 2).value()).value();
  EXPECT_EQ(std::get<GroupMetadataKey>(group).group, "g");
  const ConsumerGroupRegularExpressionKey regex{.group_id = "g", .regular_expression = "a.*"};
  const auto sixteen = decode_group_key(encode_versioned(regex, 16).value()).value();
  EXPECT_EQ(std::get<ConsumerGroupRegularExpressionKey>(sixteen).regular_expression, "a.*");
}

TEST(GroupRecords, unknown_kinds_are_unsupported_and_no_kind_is_corrupt) {
  EXPECT_EQ(decode_group_key(Buffer::copy_of(as_bytes(std::string_view("\0\x9\0\1g", 5)))).error().code,
            Errc::unsupported);
  EXPECT_EQ(decode_group_key(Buffer::copy_of(as_bytes(std::string_view("\xff\xff", 2)))).error().code,
            Errc::unsupported);
  EXPECT_EQ(decode_group_key({}).error().code, Errc::corrupt);
}

TEST(ConsumerProtocol, newer_versions_are_read_as_far_as_known) {
  ConsumerProtocolSubscription subscription;
  subscription.topics = {"a", "b"};
  std::string bytes(as_text(encode_versioned(subscription, 3).value().span()));
  bytes[1] = 4;
  bytes += "something new";
  const Buffer newer = Buffer::copy_of(as_bytes(bytes));
  EXPECT_EQ(decode_versioned<ConsumerProtocolSubscription>(newer).error().code, Errc::unsupported);
  const auto read = decode_versioned_or_newer<ConsumerProtocolSubscription>(newer);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->topics, subscription.topics);
  bytes[1] = 3;
  EXPECT_FALSE(decode_versioned_or_newer<ConsumerProtocolSubscription>(Buffer::copy_of(as_bytes(bytes))));
}

}  // namespace
}  // namespace chronik::wire
