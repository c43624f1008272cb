// Which records of a batch a topic refuses, and with which error.
#include "log/record_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/record_batch_builder.h"

namespace chronik::log {
namespace {

using wire::ErrorCode;

constexpr UnixMillis kNow{1'700'000'000'000};
constexpr std::int64_t kMinute = 60'000;
constexpr UnixMillis kOld = UnixMillis(kNow.value() - kMinute - 1);
constexpr UnixMillis kAhead = UnixMillis(kNow.value() + kMinute + 1);

struct Sent {
  bool key;
  UnixMillis timestamp;
};

LogConfig strict(bool compact) {
  LogConfig config;
  config.compact = compact;
  config.timestamp_before_max_ms = kMinute;
  config.timestamp_after_max_ms = kMinute;
  return config;
}

std::optional<wire::Rejection> refused(const std::vector<Sent>& records, const LogConfig& config,
                                       wire::Codec codec = wire::Codec::none) {
  wire::RecordBatchBuilder builder({.codec = codec});
  for (const Sent& record : records) {
    builder.add(record.timestamp, record.key ? std::optional(as_bytes("k")) : std::nullopt, as_bytes("v"));
  }
  const Buffer batch = builder.build().value();
  return refuse_records(batch.span(), wire::validate_produced_batch(batch.span(), 1U << 20).value(), config, kNow);
}

std::vector<int> faulty(const std::optional<wire::Rejection>& rejection) {
  std::vector<int> indexes;
  for (const wire::RecordFault& fault : rejection->records) {
    EXPECT_FALSE(fault.why.empty());
    indexes.push_back(fault.index);
  }
  return indexes;
}

TEST(RecordRules, every_record_at_fault_is_named_in_every_codec) {
  const std::vector<Sent> records = {
      {true, kNow}, {false, kNow}, {true, kOld}, {false, kOld}, {true, wire::kNoTimestamp}, {true, kAhead}};
  for (const wire::Codec codec : wire::kAllCodecs) {
    const auto rejection = refused(records, strict(true), codec);
    ASSERT_TRUE(rejection);
    EXPECT_EQ(rejection->code, ErrorCode::invalid_timestamp);
    EXPECT_EQ(faulty(rejection), (std::vector{1, 2, 3, 5}));
    EXPECT_EQ(rejection->records[0].why, rejection->records[2].why) << "the key comes first";
  }
}

TEST(RecordRules, a_timestamp_counts_only_where_the_key_is_there) {
  const auto rejection = refused({{true, kNow}, {false, kOld}}, strict(true));
  ASSERT_TRUE(rejection);
  EXPECT_EQ(rejection->code, ErrorCode::invalid_record);
  EXPECT_EQ(faulty(rejection), std::vector{1});
}

TEST(RecordRules, no_timestamp_hides_no_other) {
  const auto rejection = refused({{false, wire::kNoTimestamp}, {false, kOld}, {false, kNow}}, strict(false));
  ASSERT_TRUE(rejection);
  EXPECT_EQ(rejection->code, ErrorCode::invalid_timestamp);
  EXPECT_EQ(faulty(rejection), std::vector{1});
  EXPECT_FALSE(refused({{false, wire::kNoTimestamp}, {false, wire::kNoTimestamp}}, strict(false)));
  EXPECT_TRUE(refused({{false, UnixMillis(-2)}}, strict(false)));
}

TEST(RecordRules, the_brokers_time_has_no_bounds) {
  LogConfig config = strict(true);
  config.log_append_time = true;
  EXPECT_FALSE(refused({{true, kOld}, {true, kAhead}}, config));
  const auto rejection = refused({{true, kOld}, {false, kAhead}}, config);
  ASSERT_TRUE(rejection);
  EXPECT_EQ(rejection->code, ErrorCode::invalid_record);
  EXPECT_EQ(faulty(rejection), std::vector{1});
}

TEST(RecordRules, no_more_are_named_than_an_answer_takes_but_all_are_looked_at) {
  std::vector<Sent> records(5000, Sent{false, kNow});
  records.push_back({true, kOld});
  const auto rejection = refused(records, strict(true), wire::Codec::zstd);
  ASSERT_TRUE(rejection);
  EXPECT_EQ(rejection->records.size(), wire::kRecordFaultsMax);
  EXPECT_EQ(rejection->code, ErrorCode::invalid_timestamp);
  EXPECT_TRUE(rejection->detail.starts_with("5001 of 5001 "));
}

TEST(RecordRules, the_ends_of_time_do_not_overflow) {
  const auto rejection = refused({{true, UnixMillis(INT64_MIN)}, {true, UnixMillis(INT64_MAX)}}, strict(false));
  ASSERT_TRUE(rejection);
  EXPECT_EQ(faulty(rejection), (std::vector{0, 1}));
}

}  // namespace
}  // namespace chronik::log
