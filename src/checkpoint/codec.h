// Records, heads, deltas as bytes: docs/formats/checkpoints.md. Decoding is strict: what it accepts encodes to the same
// bytes, all else is corrupt. Numbers are LEB128 unless said otherwise.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/model.h"

namespace chronik::checkpoint {

/// The fixed front of a record, to search without decoding: id, creation, hash of the idempotency key, size of the
/// payload.
inline constexpr std::size_t kRecordFront = 16 + 8 + 8 + 8;

struct Front {
  CheckpointId id;
  Time created_at{};
  std::uint64_t key = 0;   // short_hash of the key; 0: none
  std::uint64_t size = 0;  // bytes
};

std::string encode(const Checkpoint& checkpoint);
Result<Checkpoint> decode_checkpoint(std::string_view bytes);
/// Of a record that has at least kRecordFront bytes.
Front decode_front(std::string_view record);

std::string encode(const Head& head);
Result<Head> decode_head(std::string_view bytes);

std::string encode(const Delta& delta);
Result<Delta> decode_delta(std::string_view bytes);

}  // namespace chronik::checkpoint
