// The metadata log on disk; docs/formats/metadata-log.md is the same in prose. Big-endian throughout. A group is the
// unit of truth: it starts on a fresh block, is written once and never again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "meta/image.h"

namespace chronik::meta {

/// An integer as it stands on disk: big-endian, unaligned.
template <class T>
struct BigEndian {
  std::byte raw[sizeof(T)];

  T get() const { return load_be<T>(raw); }
  void set(T value) { store_be(raw, value); }
};

inline constexpr std::size_t kLogBlock = 4096;
inline constexpr std::uint64_t kLogMagic = 0x4348524b4d455431;       // "CHRKMET1"
inline constexpr std::uint64_t kSnapshotMagic = 0x4348524b4d455331;  // "CHRKMES1"
inline constexpr std::uint32_t kLogGroupMagic = 0x4d475250;          // "MGRP"
inline constexpr std::uint32_t kLogVersion = 1;

/// Block 0 of each log file.
struct LogFileHeader {
  BigEndian<std::uint64_t> magic;
  BigEndian<std::uint32_t> version;
  BigEndian<std::uint32_t> reserved;
  BigEndian<std::uint64_t> number;          // of the file, as in its name
  BigEndian<std::uint64_t> first_sequence;  // of its first group; later groups of earlier files do not count
  BigEndian<std::uint32_t> previous_crc;    // `crc` of the group before; 0 if there is none
  BigEndian<std::uint32_t> crc;             // CRC-32C of the bytes before
};
static_assert(sizeof(LogFileHeader) == 40 && alignof(LogFileHeader) == 1);
static_assert(std::is_trivially_copyable_v<LogFileHeader>);

/// Begins a group. One without commands is a seal: it repeats the sequence of the group before it and says that this
/// group is durable.
struct LogGroupHeader {
  BigEndian<std::uint32_t> magic;
  BigEndian<std::uint32_t> length;  // header and body, without the padding to the next block
  BigEndian<std::uint64_t> sequence;
  BigEndian<std::uint64_t> durable;      // highest sequence on disk when this was written
  BigEndian<std::uint64_t> first_index;  // of its first command
  BigEndian<std::uint32_t> count;        // commands
  BigEndian<std::uint32_t> previous_crc;
  BigEndian<std::uint32_t> body_crc;  // CRC-32C of the body
  BigEndian<std::uint32_t> crc;       // CRC-32C of this header up to here
};
static_assert(sizeof(LogGroupHeader) == 48 && alignof(LogGroupHeader) == 1);
static_assert(std::is_trivially_copyable_v<LogGroupHeader>);

/// Begins the file "snapshot"; MetadataState::encode() follows.
struct SnapshotHeader {
  BigEndian<std::uint64_t> magic;
  BigEndian<std::uint32_t> version;
  BigEndian<std::uint32_t> group_crc;  // `crc` of group `sequence`
  BigEndian<std::uint64_t> sequence;   // the last group it contains
  BigEndian<std::uint64_t> index;      // the last command it contains
  BigEndian<std::uint64_t> length;     // of the body
  BigEndian<std::uint32_t> body_crc;
  BigEndian<std::uint32_t> crc;  // CRC-32C of this header up to here
};
static_assert(sizeof(SnapshotHeader) == 48 && alignof(SnapshotHeader) == 1);
static_assert(std::is_trivially_copyable_v<SnapshotHeader>);

inline constexpr std::string_view kSnapshotName = "snapshot";

/// How far the log has come: what the next group must link to.
struct LogPosition {
  std::uint64_t sequence = 0;  // of the last group
  std::uint32_t crc = 0;       // of its header
  Index index;                 // of the last command

  bool operator==(const LogPosition&) const = default;
};

/// "metadata-<16 hexadecimal digits>.log", and back.
std::string log_file_name(std::uint64_t number);
std::optional<std::uint64_t> parse_log_file_name(std::string_view name);

constexpr std::size_t log_block_up(std::size_t n) {
  return (n + kLogBlock - 1) / kLogBlock * kLogBlock;
}

/// Block 0 of file `number`, whose first group comes after `position`.
Buffer encode_file_header(std::uint64_t number, const LogPosition& position);
/// Null unless magic, version and checksum hold.
std::optional<LogFileHeader> decode_file_header(ByteSpan block);

/// The group after `position` holding `commands` (encoded), padded to whole blocks; moves `position` to its end.
Buffer encode_group(LogPosition& position, const std::vector<Buffer>& commands);
Buffer encode_seal(const LogPosition& position);

struct LogGroup {
  LogGroupHeader header;
  std::vector<ByteSpan> commands;  // into the bytes decoded
  std::size_t bytes = 0;           // with padding

  bool seal() const { return header.count.get() == 0; }
  /// Whether this is the group after `position`.
  bool follows(const LogPosition& position) const {
    return !seal() && header.sequence.get() == position.sequence + 1 && header.previous_crc.get() == position.crc &&
           header.first_index.get() == position.index.value() + 1;
  }
};
/// The group that begins at `bytes`, or null unless it holds as a whole.
std::optional<LogGroup> decode_group(ByteSpan bytes);

Buffer encode_snapshot(const LogPosition& position, ByteSpan state);
struct Snapshot {
  LogPosition position;
  ByteSpan state;
};
/// Null unless it holds as a whole.
std::optional<Snapshot> decode_snapshot(ByteSpan file);

}  // namespace chronik::meta
