// Record batches: building, reading, splitting, stamping, and what validation refuses.
#include "wire/record_batch.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wire/batch_validation.h"
#include "wire/recompress.h"
#include "wire/record_batch_builder.h"
#include "wire/record_reader.h"
#include "wire/varint.h"

namespace chronik::wire {
namespace {

constexpr std::size_t kUnpackedMax = 1 << 20;

Buffer three_records(const BatchOptions& options = {}) {
  RecordBatchBuilder builder(options);
  builder.add(UnixMillis(1000), as_bytes("k1"), as_bytes("v1"));
  builder.add(UnixMillis(3000), std::nullopt, as_bytes("v2"));
  builder.add(UnixMillis(2000), as_bytes("k3"), std::nullopt);
  return builder.build().value();
}

/// A mutable copy with something changed; the checksum is made right again unless told otherwise.
std::vector<std::byte> changed(const Buffer& batch, const std::function<void(std::byte*)>& change,
                               bool fix_crc = true) {
  std::vector<std::byte> copy(batch.span().begin(), batch.span().end());
  change(copy.data());
  if (fix_crc) store_be(copy.data() + kCrcAt, compute_batch_crc(copy));
  return copy;
}

ErrorCode verdict(ByteSpan batch) {
  const auto valid = validate_produced_batch(batch, kUnpackedMax);
  return valid ? ErrorCode::none : valid.error().code;
}

TEST(Varint, round_trips_at_every_width) {
  std::byte place[10];
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::int64_t base : {std::int64_t{1}, std::int64_t{-1}}) {
      const auto value = static_cast<std::int64_t>(static_cast<std::uint64_t>(base) << bits);
      const std::byte* end = put_varint(place, value);
      EXPECT_EQ(static_cast<std::size_t>(end - place), varint_size(value));
      std::int64_t read = 0;
      EXPECT_EQ(take_varint(place, end, read), end);
      EXPECT_EQ(read, value);
      EXPECT_EQ(take_varint(place, end - 1, read), nullptr);
    }
  }
  const std::vector<std::byte> endless(11, std::byte{0xff});
  std::int64_t read = 0;
  EXPECT_EQ(take_varint(endless.data(), endless.data() + endless.size(), read), nullptr);
}

TEST(RecordBatch, random_batches_of_every_codec_are_read_back) {
  Prng prng(5);
  for (int round = 0; round < 200; ++round) {
    BatchOptions options;
    options.codec = kAllCodecs[prng.below(std::size(kAllCodecs))];
    options.base_offset = Offset(static_cast<std::int64_t>(prng.below(1'000'000)));
    RecordBatchBuilder builder(options);
    std::vector<std::string> values;
    for (std::uint64_t n = prng.below(20) + 1; n > 0; --n) {
      values.emplace_back(prng.below(300), static_cast<char>('a' + prng.below(26)));
      const RecordHeaderView headers[] = {{"name", as_bytes(values.back())}, {"none", std::nullopt}};
      builder.add(UnixMillis(static_cast<std::int64_t>(prng.next() >> 20U)), as_bytes("key"), as_bytes(values.back()),
                  std::span(headers).first(prng.below(3)));
    }
    const Buffer batch = builder.build().value();
    ASSERT_TRUE(validate_produced_batch(batch.span(), kUnpackedMax));
    auto reader = RecordReader::open(batch.span(), kUnpackedMax).value();
    RecordView record;
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_TRUE(reader.next(record).value());
      EXPECT_EQ(record.offset, options.base_offset.plus(static_cast<std::int64_t>(i)));
      EXPECT_EQ(as_text(*record.value), values[i]);
      if (!record.headers.empty()) EXPECT_EQ(as_text(*record.headers[0].value), values[i]);
    }
    EXPECT_FALSE(reader.next(record).value());
  }
}

TEST(RecordBatch, timestamps_at_the_ends_of_time_do_not_overflow) {
  RecordBatchBuilder builder({});
  builder.add(UnixMillis(INT64_MIN), std::nullopt, std::nullopt);
  builder.add(UnixMillis(INT64_MAX), std::nullopt, std::nullopt);
  const Buffer batch = builder.build().value();
  const auto valid = validate_produced_batch(batch.span(), kUnpackedMax);
  ASSERT_TRUE(valid);
  EXPECT_EQ(valid->min_timestamp, UnixMillis(INT64_MIN));
  EXPECT_EQ(valid->max_timestamp, UnixMillis(INT64_MAX));
}

TEST(RecordBatch, splitter_walks_a_run_and_tells_a_cut_from_damage) {
  std::string run;
  for (int i = 0; i < 3; ++i) run.append(as_text(three_records({.base_offset = Offset(i * 3)}).span()));
  BatchSplitter all(as_bytes(run));
  for (int i = 0; i < 3; ++i) {
    const auto batch = all.next().value();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->header.base_offset, Offset(i * 3));
    EXPECT_EQ(batch->position, run.size() / 3 * static_cast<std::size_t>(i));
  }
  EXPECT_FALSE(all.next().value());
  BatchSplitter cut(as_bytes(std::string_view(run).substr(0, run.size() - 1)));
  EXPECT_TRUE(cut.next().value());
  EXPECT_TRUE(cut.next().value());
  EXPECT_EQ(cut.next().error().code, Errc::out_of_range);
  EXPECT_EQ(cut.position(), run.size() / 3 * 2);
  run[kBatchLengthAt] = '\xff';
  EXPECT_EQ(BatchSplitter(as_bytes(run)).next().error().code, Errc::corrupt);
}

TEST(RecordBatch, stamping_offset_and_epoch_keeps_the_checksum) {
  const auto batch = changed(
      three_records(), [](std::byte* at) { stamp_batch({at, kBatchHeaderSize}, Offset(77), LeaderEpoch(9)); }, false);
  EXPECT_TRUE(batch_crc_holds(batch));
  const auto header = parse_batch_header(batch).value();
  EXPECT_EQ(header.base_offset, Offset(77));
  EXPECT_EQ(header.leader_epoch, LeaderEpoch(9));
  EXPECT_EQ(header.next_offset(), Offset(80));
}

TEST(RecordBatch, log_append_time_is_every_records_time) {
  const Buffer made = three_records();
  std::vector<std::byte> batch(made.span().begin(), made.span().end());
  stamp_log_append_time(batch, UnixMillis(5'000));
  EXPECT_TRUE(batch_crc_holds(batch));
  auto reader = RecordReader::open(batch, kUnpackedMax).value();
  RecordView record;
  while (reader.next(record).value()) EXPECT_EQ(record.timestamp, UnixMillis(5'000));
}

TEST(RecordBatch, compaction_may_leave_gaps_and_keeps_the_last_offset) {
  RecordBatchBuilder builder({.base_offset = Offset(100), .last_offset_delta_min = 9});
  builder.add_at(2, UnixMillis(1), as_bytes("a"), as_bytes("1"));
  builder.add_at(7, UnixMillis(2), as_bytes("b"), as_bytes("2"));
  const Buffer batch = builder.build().value();
  auto reader = RecordReader::open(batch.span(), kUnpackedMax).value();
  EXPECT_EQ(reader.header().last_offset(), Offset(109));
  RecordView record;
  EXPECT_TRUE(reader.next(record).value());
  EXPECT_EQ(record.offset, Offset(102));
  EXPECT_TRUE(reader.next(record).value());
  EXPECT_EQ(record.offset, Offset(107));
  EXPECT_FALSE(reader.next(record).value());
  EXPECT_EQ(RecordBatchBuilder({}).build().error().code, Errc::invalid_argument);
}

TEST(RecordBatch, sequences_wrap) {
  EXPECT_EQ(advance_sequence(INT32_MAX, 1), 0);
  EXPECT_EQ(advance_sequence(INT32_MAX - 1, 3), 1);
  EXPECT_EQ(advance_sequence(5, 3), 8);
}

// ---- validation ----

TEST(Validation, accepts_an_honest_batch_and_finds_its_times) {
  const Buffer batch =
      three_records({.producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(0), .base_sequence = 4});
  const auto valid = validate_produced_batch(batch.span(), kUnpackedMax);
  ASSERT_TRUE(valid) << valid.error().detail;
  EXPECT_EQ(valid->min_timestamp, UnixMillis(1000));
  EXPECT_EQ(valid->max_timestamp, UnixMillis(3000));
  EXPECT_EQ(valid->max_timestamp_offset_delta, 1);
  EXPECT_EQ(valid->header.last_sequence(), 6);
}

TEST(Validation, refuses_each_lie_by_its_name) {
  const Buffer good = three_records();
  const auto set16 = [&](std::size_t at, std::int16_t v) {
    return changed(good, [=](std::byte* p) { store_be(p + at, v); });
  };
  const auto set32 = [&](std::size_t at, std::int32_t v) {
    return changed(good, [=](std::byte* p) { store_be(p + at, v); });
  };
  const auto magic = [&](int v) {
    return changed(good, [=](std::byte* p) { p[kMagicAt] = static_cast<std::byte>(v); });
  };
  EXPECT_EQ(verdict(good.span()), ErrorCode::none);
  EXPECT_EQ(verdict({}), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(magic(0)), ErrorCode::unsupported_for_message_format);
  EXPECT_EQ(verdict(magic(1)), ErrorCode::unsupported_for_message_format);
  EXPECT_EQ(verdict(magic(3)), ErrorCode::corrupt_message);
  EXPECT_EQ(verdict(set16(kAttributesAt, 5)), ErrorCode::unsupported_compression_type);
  EXPECT_EQ(verdict(set16(kAttributesAt, kControlBit)), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(set16(kAttributesAt, kDeleteHorizonBit)), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(set16(kAttributesAt, kTransactionalBit)), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(set16(kAttributesAt, kLogAppendTimeBit)), ErrorCode::invalid_timestamp);
  EXPECT_EQ(verdict(set32(kRecordCountAt, 2)), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(set32(kRecordCountAt, 0)), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(set32(kRecordCountAt, -1)), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(set32(kLastOffsetDeltaAt, 5)), ErrorCode::invalid_record);
  EXPECT_EQ(verdict(set32(kLastOffsetDeltaAt, INT32_MAX)), ErrorCode::invalid_record);
  const auto crc = changed(good, [](std::byte* p) { p[kRecordsAt + 5] ^= std::byte{1}; }, false);
  EXPECT_EQ(verdict(crc), ErrorCode::corrupt_message);
  auto longer = changed(good, [](std::byte*) {});
  longer.push_back(std::byte{0});
  EXPECT_EQ(verdict(longer), ErrorCode::invalid_record);
  const auto producer = changed(good, [](std::byte* p) { store_be(p + kProducerIdAt, std::int64_t{3}); });
  EXPECT_EQ(verdict(producer), ErrorCode::invalid_record);  // with an epoch and a sequence of -1
}

TEST(Validation, a_record_without_a_timestamp_has_no_part_in_the_least_one) {
  const auto least = [](std::initializer_list<std::int64_t> timestamps) {
    RecordBatchBuilder builder({});
    for (const std::int64_t timestamp : timestamps) builder.add(UnixMillis(timestamp), std::nullopt, as_bytes("v"));
    return validate_produced_batch(builder.build().value().span(), kUnpackedMax).value().min_timestamp;
  };
  EXPECT_EQ(least({-1, 1000, 2000}), UnixMillis(1000));
  EXPECT_EQ(least({2000, -1, -2}), UnixMillis(-2));
  EXPECT_EQ(least({-1, -1}), kNoTimestamp);
}

TEST(Validation, append_time_is_the_fault_of_every_record_and_so_many_are_named) {
  const auto of = [](int records) {
    RecordBatchBuilder builder({});
    for (int i = 0; i < records; ++i) builder.add(UnixMillis(1000), std::nullopt, std::nullopt);
    return changed(builder.build().value(), [](std::byte* p) { store_be(p + kAttributesAt, kLogAppendTimeBit); });
  };
  const auto refused = validate_produced_batch(of(3), kUnpackedMax);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_timestamp);
  ASSERT_EQ(refused.error().records.size(), 3U);
  EXPECT_EQ(refused.error().records[2].index, 2);
  EXPECT_EQ(validate_produced_batch(of(5000), kUnpackedMax).error().records.size(), kRecordFaultsMax);
}

TEST(Validation, refuses_count_and_offsets_that_the_records_contradict) {
  const Buffer good = three_records();
  const auto four = changed(good, [](std::byte* p) {
    store_be(p + kRecordCountAt, 4);
    store_be(p + kLastOffsetDeltaAt, 3);
  });
  EXPECT_EQ(verdict(four), ErrorCode::invalid_record);
  const auto two = changed(good, [](std::byte* p) {
    store_be(p + kRecordCountAt, 2);
    store_be(p + kLastOffsetDeltaAt, 1);
  });
  EXPECT_EQ(verdict(two), ErrorCode::invalid_record);
  const auto many = changed(good, [](std::byte* p) {
    store_be(p + kRecordCountAt, INT32_MAX);
    store_be(p + kLastOffsetDeltaAt, INT32_MAX - 1);
  });
  EXPECT_EQ(verdict(many), ErrorCode::invalid_record);
  RecordBatchBuilder gap({});
  gap.add_at(1, UnixMillis(0), std::nullopt, as_bytes("a"));
  gap.add_at(3, UnixMillis(0), std::nullopt, as_bytes("b"));
  const auto gaps = changed(gap.build().value(), [](std::byte* p) { store_be(p + kLastOffsetDeltaAt, 1); });
  EXPECT_EQ(verdict(gaps), ErrorCode::invalid_record);
}

TEST(Validation, a_decompression_bomb_is_refused_within_the_bound) {
  RecordBatchBuilder builder({.codec = Codec::zstd});
  builder.add(UnixMillis(0), std::nullopt, as_bytes(std::string(50'000'000, 'x')));
  const Buffer batch = builder.build().value();
  EXPECT_LT(batch.size(), 10'000U);
  EXPECT_EQ(verdict(batch.span()), ErrorCode::message_too_large);
}

TEST(Recompress, every_codec_becomes_every_other_with_the_same_records) {
  const BatchOptions about{.base_offset = Offset(7),
                           .leader_epoch = LeaderEpoch(3),
                           .producer_id = ProducerId(5),
                           .producer_epoch = ProducerEpoch(1),
                           .base_sequence = 11,
                           .transactional = true};
  for (const Codec from : kAllCodecs) {
    for (const Codec to : kAllCodecs) {
      BatchOptions options = about;
      options.codec = from;
      const Buffer before = three_records(options);
      options.codec = to;
      const Buffer after = recompress(before.span(), to, kUnpackedMax).value();
      EXPECT_EQ(as_text(after.span()), as_text(three_records(options).span()));
    }
  }
}

TEST(Recompress, what_unpacks_to_too_much_or_is_damaged_is_refused) {
  RecordBatchBuilder builder({.codec = Codec::zstd});
  builder.add(UnixMillis(0), std::nullopt, as_bytes(std::string(50'000'000, 'x')));
  EXPECT_EQ(recompress(builder.build().value().span(), Codec::lz4, 1 << 20).error().code, Errc::invalid_argument);
  const Buffer good = three_records({.codec = Codec::gzip});
  const auto bad = changed(good, [](std::byte* p) { p[kRecordsAt] ^= std::byte{0xff}; });
  EXPECT_EQ(recompress(bad, Codec::lz4, kUnpackedMax).error().code, Errc::corrupt);
}

TEST(Validation, any_changed_byte_is_noticed_or_lies_outside_the_checksum) {
  for (const Codec codec : kAllCodecs) {
    const Buffer good = three_records({.codec = codec});
    for (std::size_t at = 0; at < good.size(); ++at) {
      const auto bad = changed(good, [=](std::byte* p) { p[at] ^= std::byte{0x41}; }, false);
      const bool outside = at < kBatchLengthAt || (at >= kLeaderEpochAt && at < kMagicAt);
      if (!outside) EXPECT_NE(verdict(bad), ErrorCode::none) << at;
    }
  }
}

TEST(Validation, damaged_records_under_a_right_checksum_never_break) {
  Prng prng(3);
  for (int round = 0; round < 20'000; ++round) {
    const Buffer good = three_records({.codec = kAllCodecs[prng.below(5)]});
    const auto bad = changed(good, [&](std::byte* p) {
      const std::size_t at = kAttributesAt + prng.below(good.size() - kAttributesAt);
      p[at] = prng.chance(1, 2) ? std::byte{0xff} : static_cast<std::byte>(prng.next());
    });
    (void)verdict(bad);
    auto reader = RecordReader::open(bad, kUnpackedMax);
    RecordView record;
    while (reader) {
      const auto more = reader->next(record);
      if (!more || !*more) break;
    }
  }
}

}  // namespace
}  // namespace chronik::wire
