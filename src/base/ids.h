// The identities and offsets of the domain, each its own type. Offsets of one partition come in five kinds that do not
// convert silently (law 6): where one bounds another, a named function in log/ says so.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/strong.h"

namespace chronik {

using Offset = Strong<struct OffsetTag, std::int64_t>;                  // position of one record
using LogStartOffset = Strong<struct LogStartOffsetTag, std::int64_t>;  // first readable record
using LogEndOffset = Strong<struct LogEndOffsetTag, std::int64_t>;      // next offset to be assigned
using DurableEnd = Strong<struct DurableEndTag, std::int64_t>;          // everything below is on disk here
using HighWatermark = Strong<struct HighWatermarkTag, std::int64_t>;    // everything below is committed
using LastStableOffset =
    Strong<struct LastStableOffsetTag, std::int64_t>;  // everything below is decided (transactions)

using LeaderEpoch = Strong<struct LeaderEpochTag, std::int32_t>;
using PartitionIndex = Strong<struct PartitionIndexTag, std::int32_t>;
using BrokerId = Strong<struct BrokerIdTag, std::int32_t>;
using ProducerId = Strong<struct ProducerIdTag, std::int64_t>;
using ProducerEpoch = Strong<struct ProducerEpochTag, std::int16_t>;
using ShardId = Strong<struct ShardIdTag, std::uint32_t>;

/// 128-bit topic identity (KIP-516); printed as Kafka prints it: URL-safe base64 without padding, 22 characters.
struct TopicId {
  std::array<std::uint8_t, 16> bytes{};

  constexpr auto operator<=>(const TopicId&) const = default;
  constexpr bool is_zero() const { return *this == TopicId{}; }
  std::string to_string() const;
  static Result<TopicId> parse(std::string_view text);
};

/// One partition of one topic, by identity: survives deletion and re-creation of the name.
struct TopicPartition {
  TopicId topic;
  PartitionIndex partition;

  constexpr auto operator<=>(const TopicPartition&) const = default;
};

}  // namespace chronik

template <>
struct std::hash<chronik::TopicId> {
  std::size_t operator()(const chronik::TopicId& id) const {
    std::uint64_t halves[2];
    std::memcpy(halves, id.bytes.data(), sizeof halves);
    return static_cast<std::size_t>(halves[0] ^ (halves[1] * 0x9e3779b97f4a7c15ULL));
  }
};

template <>
struct std::hash<chronik::TopicPartition> {
  std::size_t operator()(const chronik::TopicPartition& tp) const {
    return std::hash<chronik::TopicId>()(tp.topic) * 31 + static_cast<std::size_t>(tp.partition.value());
  }
};
