// RowBlock: rows of one session that follow each other, packed: as the index holds them, and as a table keeps them
// until someone looks. Nothing is unpacked to load it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/result.h"

namespace chronik::checkpoint {

/// Rows without gaps between their bytes, unpacked.
struct LooseRows {
  struct Slot {
    std::uint64_t sequence = 0;
    std::uint32_t at = 0;
    std::uint32_t record = 0;   // bytes; 0: lost
    std::uint32_t locator = 0;  // bytes, behind the record
  };
  std::vector<Slot> slots;  // sequences and places ascend
  std::string bytes;
  std::size_t unused = 0;  // of the bytes: no slot has them

  void add(std::uint64_t sequence, std::string_view record, std::string_view locator);
  std::string_view record(const Slot& slot) const { return std::string_view(bytes).substr(slot.at, slot.record); }
  std::string_view locator(const Slot& slot) const {
    return std::string_view(bytes).substr(slot.at + slot.record, slot.locator);
  }
};

struct RowBlock {
  static constexpr std::size_t kRowsMax = 64;
  static constexpr std::size_t kBytesMax = 64 * 1024;  // unpacked; a row may exceed it

  std::uint64_t first = 0;  // sequences
  std::uint64_t last = 0;
  CheckpointId first_id;
  Time last_time{};
  std::uint32_t rows = 0;
  std::uint32_t keyed = 0;          // of them, with an idempotency key
  std::uint64_t payload_bytes = 0;  // as their owner counts
  std::uint64_t raw = 0;            // bytes, unpacked
  std::string_view packed;          // packed.h
  std::shared_ptr<const void> owner;

  static bool full(const LooseRows& rows) {
    return rows.slots.size() >= kRowsMax || rows.bytes.size() - rows.unused >= kBytesMax;
  }
};

/// At least one row.
RowBlock pack_rows(const LooseRows& rows);
/// Holds it against what the block says of itself.
Result<LooseRows> unpack_rows(const RowBlock& block);

std::string encode_rows(const SessionId& session, const RowBlock& block);
/// The block refers to `bytes`, and has no owner.
Result<std::pair<SessionId, RowBlock>> decode_rows(std::string_view bytes);

}  // namespace chronik::checkpoint
