// KeyOffsets: the last offset of each key, in fixed memory: 24 bytes a key, whatever its length. Keys are known by a
// 128-bit keyed hash (SipHash-2-4, Aumasson and Bernstein 2012), so that no producer can make two keys collide.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace chronik::log {

struct KeyHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const KeyHash&) const = default;
};

/// SipHash-2-4 with 128 bits of output.
KeyHash sip_hash_128(ByteSpan bytes, const std::array<std::uint64_t, 2>& secret);

class KeyOffsets {
 public:
  KeyOffsets(std::size_t bytes_max, std::array<std::uint64_t, 2> secret);

  /// Whether so many more keys fit.
  bool has_room(std::size_t keys) const { return size_ + keys <= size_max_; }
  /// REQUIRES: has_room(1). Keeps the larger offset.
  void put(ByteSpan key, Offset offset);
  std::optional<Offset> find(ByteSpan key) const;
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    KeyHash key;
    std::int64_t offset = -1;  // empty
  };
  std::size_t slot_of(const KeyHash& key) const;

  std::array<std::uint64_t, 2> secret_;
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  std::size_t size_max_;
};

}  // namespace chronik::log
