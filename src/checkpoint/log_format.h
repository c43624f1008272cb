// The log backend on disk: docs/formats/checkpoints.md. The write-ahead log holds what is new; packs hold chunks; the
// index, a file of entries in blocks, says what there is; the manifest, in two copies, says how much of all that
// counts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/result.h"

namespace chronik::checkpoint {

inline constexpr std::size_t kBlockBytes = 64 * 1024;    // of the index, about; one large entry may exceed it
inline constexpr std::size_t kEntryBytesMax = 16 << 20;  // of one entry

/// Where a chunk's stored bytes are; they begin behind the header of the chunk.
struct ChunkPlace {
  std::uint64_t number = 0;
  Digest hash{};
  std::uint32_t raw = 0;     // bytes
  std::uint32_t stored = 0;  // bytes
  std::uint32_t pack = 0;
  std::uint64_t offset = 0;
  bool operator==(const ChunkPlace&) const = default;
};

enum class EntryKind : std::uint8_t {
  delta = 1,   // codec.h
  chunk = 2,   // in the index: a ChunkPlace; in the write-ahead log: number, hash, raw, and the stored bytes
  rows = 3,    // row_block.h; in the index only
  sealed = 4,  // one of the others, encrypted: sealed.h
};

struct Entry {
  EntryKind kind = EntryKind::delta;
  std::uint64_t lsn = 0;
  std::string_view payload;
};

/// Before each entry: length, kind, lsn, CRC-32C of the payload, CRC-32C of this. Big-endian.
inline constexpr std::size_t kEntryHeader = 4 + 1 + 8 + 4 + 4;
void append_entry(std::string& to, const Entry& entry);

struct Damage {
  std::uint64_t at = 0;  // byte in what was read
  std::string what;
};
/// The entries of a block or a frame. What does not hold is skipped and told; behind it the next whole entry is looked
/// for. `sound`: a checksum over all the bytes has held, those of payloads are not computed again.
std::vector<Entry> read_entries(std::string_view bytes, std::vector<Damage>& damage, bool sound = false);

std::string encode_place(const ChunkPlace& place);
Result<ChunkPlace> decode_place(std::string_view bytes);

/// A chunk with its bytes, as the write-ahead log holds it.
struct ChunkBytes {
  std::uint64_t number = 0;
  Digest hash{};
  std::uint32_t raw = 0;
  std::string_view packed;
};
std::string encode_chunk(const ChunkBytes& chunk);
Result<ChunkBytes> decode_chunk(std::string_view bytes);

/// Before each chunk in a pack: magic, number, hash, raw and stored bytes, CRC-32C of this.
inline constexpr std::size_t kChunkHeader = 4 + 8 + 32 + 4 + 4 + 4;
std::string chunk_header(const ChunkPlace& place);

/// Numbers of chunks, or a small payload itself: how rows refer to payloads.
struct Locator {
  std::string_view small;  // packed; `numbers` is then empty
  std::uint64_t raw = 0;   // bytes, of a small one
  std::vector<std::uint64_t> numbers;
};
std::string encode_locator(const Locator& locator);
Result<Locator> decode_locator(std::string_view bytes);

/// 1: without packed rows.
inline constexpr std::uint8_t kFormat = 2;

struct Manifest {
  struct Block {
    std::uint32_t bytes = 0;
    std::uint32_t crc = 0;
    bool operator==(const Block&) const = default;
  };
  struct Pack {
    std::uint32_t number = 0;
    std::uint64_t bytes = 0;
    bool operator==(const Pack&) const = default;
  };
  std::uint8_t format = kFormat;
  std::uint64_t version = 0;  // of this manifest: the higher copy counts
  std::uint64_t log_id = 0;
  std::uint64_t generation = 0;  // of the write-ahead log, never reused
  std::uint64_t lsn = 0;         // all up to here is in index and packs
  std::uint64_t next_chunk = 1;
  std::uint32_t next_file = 1;  // number for the next index or pack
  std::uint32_t index = 0;      // file number; 0: none yet
  std::vector<Block> blocks;    // of the index, one behind the other
  std::vector<Pack> packs;
  bool operator==(const Manifest&) const = default;
};
std::string encode(const Manifest& manifest);
Result<Manifest> decode_manifest(std::string_view bytes);

}  // namespace chronik::checkpoint
