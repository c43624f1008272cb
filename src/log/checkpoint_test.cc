// The checkpoint record as bytes: what is written is read, and so is what earlier versions wrote.
#include "log/checkpoint.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/crc32c.h"

namespace chronik::log {
namespace {

constexpr std::uint64_t kFirstMagic = 0x4348524b434b5031ULL;  // "CHRKCKP1"

class Bytes {
 public:
  template <class T>
  Bytes& put(T value) {
    bytes_.resize(bytes_.size() + sizeof value);
    store_be(bytes_.data() + bytes_.size() - sizeof value, value);
    return *this;
  }
  Result<CheckpointRecord> decoded() {
    put(crc32c(bytes_));
    return decode_checkpoint(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

CheckpointRecord one_partition() {
  CheckpointRecord record;
  record.generation = wal::Generation(4);
  PartitionCheckpoint& partition = record.partitions.emplace_back();
  partition.topic = "t";
  partition.log_start = LogStartOffset(3);
  ProducerEntry entry{.epoch = ProducerEpoch(2), .last_seen = UnixMillis(1'700'000'000'000)};
  entry.batches[entry.count++] = {5, 6, Offset(10), Offset(11), UnixMillis(1'700'000'000'000)};
  partition.producers.restore(ProducerId(9), entry);
  return record;
}

/// one_partition() as the format of that number had it: 1, 2, ….
Result<CheckpointRecord> decode_as_of(std::uint64_t format) {
  Bytes bytes;
  bytes.put(kFirstMagic + format - 1).put(std::uint64_t{4}).put(std::uint32_t{1});
  bytes.put(std::uint64_t{0}).put(std::uint64_t{0}).put(std::int32_t{0});  // topic id, partition
  bytes.put(std::uint16_t{1}).put(std::uint8_t{'t'}).put(std::int64_t{3}).put(std::uint8_t{0});
  bytes.put(std::uint32_t{1}).put(std::int64_t{9}).put(std::int16_t{2}).put(std::int64_t{1'700'000'000'000});
  if (format >= 3) bytes.put(std::int32_t{-1});
  bytes.put(std::uint8_t{1}).put(std::int32_t{5}).put(std::int32_t{6});
  bytes.put(std::int64_t{10}).put(std::int64_t{11}).put(std::int64_t{1'700'000'000'000});
  if (format >= 2) bytes.put(std::uint32_t{0}).put(std::uint32_t{0});  // transactions, open and aborted
  return bytes.decoded();
}

TEST(CheckpointBytes, what_is_written_is_read) {
  CheckpointRecord record = one_partition();
  PartitionCheckpoint& partition = record.partitions[0];
  partition.files = {LogEndOffset(40), Offset(20), 4096};
  partition.producers.restore(ProducerId(10), {.epoch = ProducerEpoch(0), .last_seen = {}, .coordinator_epoch = 7});
  partition.transactions.open[ProducerId(9)] = {Offset(12), UnixMillis(1'700'000'000'000)};
  partition.transactions.aborted.push_back({ProducerId(9), Offset(3), Offset(5), LastStableOffset(6)});
  const auto decoded = decode_checkpoint(encode(record).span());
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(*decoded, record);
}

TEST(CheckpointBytes, every_format_so_far_is_read_and_no_other) {
  for (std::uint64_t format = 1; format <= 3; ++format) {
    const auto decoded = decode_as_of(format);
    ASSERT_TRUE(decoded) << "format " << format << ": " << decoded.error().message();
    EXPECT_EQ(*decoded, one_partition()) << "format " << format;
  }
  EXPECT_FALSE(decode_as_of(0));
  EXPECT_FALSE(decode_as_of(4));
}

}  // namespace
}  // namespace chronik::log
