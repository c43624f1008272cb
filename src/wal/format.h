// The write-ahead log on disk; docs/formats/wal.md is the same in prose. Little-endian, as the machines it runs on.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "base/bytes.h"
#include "base/ids.h"

namespace chronik::wal {

static_assert(std::endian::native == std::endian::little, "the on-disk structures are read and written in place");

using Generation = Strong<struct GenerationTag, std::uint64_t>;  // one opening of the data directory; never reused
using GroupSequence = Strong<struct GroupSequenceTag, std::uint64_t>;  // of one shard's log in one generation, from 1
using LogId = Strong<struct LogIdTag, std::uint64_t>;                  // identity of the data directory

inline constexpr std::size_t kBlock =
    4096;  // a group starts on a block and rewrites none that holds acknowledged bytes
inline constexpr std::uint64_t kFileMagic = 0x314c41574b524843;  // "CHRKWAL1"
inline constexpr std::uint32_t kGroupMagic = 0x50524743;         // "CGRP"
inline constexpr std::uint32_t kFormatVersion = 1;

/// Block 0 of each file; the rest of the block is zero.
struct FileHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t shard;
  std::uint64_t log_id;
  std::uint64_t generation;
  std::uint64_t number;  // of the file in its shard and generation, from 1
  std::uint64_t bytes;   // length of the file
  std::uint64_t first;   // sequence of its first group, written together with it; 0 before: no group here is valid
  std::uint32_t reserved;
  std::uint32_t crc;  // CRC-32C of the bytes before
};
static_assert(sizeof(FileHeader) == 64 && std::is_trivially_copyable_v<FileHeader>);

/// Begins a group: the unit of truth. A group with no frames is a seal: it says that all before it is durable.
struct GroupHeader {
  std::uint32_t magic;
  std::uint32_t length;  // bytes of header and frames, without the padding to the next block
  std::uint64_t log_id;
  std::uint64_t generation;
  std::uint64_t sequence;
  std::uint64_t durable;  // highest group sequence known durable when this group was written
  std::uint32_t frames;
  std::uint32_t shard;
  std::uint32_t previous_crc;  // `crc` of the group before; 0 for the first
  std::uint32_t body_crc;      // CRC-32C of everything behind this header
  std::uint32_t reserved;
  std::uint32_t crc;  // CRC-32C of this header up to here
};
static_assert(sizeof(GroupHeader) == 64 && std::is_trivially_copyable_v<GroupHeader>);

enum class FrameKind : std::uint8_t {
  batch = 1,      // payload: one record batch, verbatim
  log_start = 2,  // base_offset: the partition's new log start; no payload
};

/// Begins a frame; the payload follows, padded with zeros to kFrameAlignment.
struct FrameHeader {
  std::uint32_t payload_bytes;
  std::uint8_t kind;
  std::uint8_t reserved[3];
  std::uint8_t topic[16];
  std::int32_t partition;
  std::uint32_t reserved2;
  std::int64_t base_offset;
  std::int64_t end_offset;  // one past the last offset of the payload; equal to base_offset without one
};
static_assert(sizeof(FrameHeader) == 48 && std::is_trivially_copyable_v<FrameHeader>);
inline constexpr std::size_t kFrameAlignment = 8;

constexpr std::size_t align_up(std::size_t n, std::size_t to) {
  return (n + to - 1) / to * to;
}
constexpr std::size_t frame_bytes(std::size_t payload) {
  return sizeof(FrameHeader) + align_up(payload, kFrameAlignment);
}

/// Sets the checksum; true if it holds.
void seal(FileHeader& header);
void seal(GroupHeader& header);
bool holds(const FileHeader& header);
bool holds(const GroupHeader& header);

/// "<generation>-<shard>-<number>.wal", in hexadecimal, sorting by age within a shard.
std::string file_name(Generation generation, ShardId shard, std::uint64_t number);

struct FileName {
  Generation generation;
  ShardId shard;
  std::uint64_t number = 0;
};
/// The inverse; nothing for a name that file_name does not give.
std::optional<FileName> parse_file_name(const std::string& name);

}  // namespace chronik::wal
