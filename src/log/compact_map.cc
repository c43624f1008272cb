#include "log/compact_map.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace chronik::log {
namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  std::uint64_t finish() {
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

KeyHash sip_hash_128(ByteSpan bytes, const std::array<std::uint64_t, 2>& secret) {
  SipState state{secret[0] ^ 0x736f6d6570736575ULL, secret[1] ^ 0x646f72616e646f6dULL ^ 0xee,
                 secret[0] ^ 0x6c7967656e657261ULL, secret[1] ^ 0x7465646279746573ULL};
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);  // little-endian, as the machine is
    state.absorb(word);
  }
  std::uint64_t last = std::uint64_t{bytes.size()} << 56;
  if (at < bytes.size()) std::memcpy(&last, bytes.data() + at, bytes.size() - at);
  state.absorb(last);
  state.v2 ^= 0xee;
  const std::uint64_t low = state.finish();
  state.v1 ^= 0xdd;
  return {low, state.finish()};
}

KeyOffsets::KeyOffsets(std::size_t bytes_max, std::array<std::uint64_t, 2> secret)
    : secret_(secret), slots_(std::max<std::size_t>(bytes_max / sizeof(Slot), 16)), size_max_(slots_.size() / 8 * 7) {}

std::size_t KeyOffsets::slot_of(const KeyHash& key) const {
  std::size_t at = static_cast<std::size_t>(key.low % slots_.size());
  while (slots_[at].offset >= 0 && slots_[at].key != key) at = at + 1 == slots_.size() ? 0 : at + 1;
  return at;
}

void KeyOffsets::put(ByteSpan key, Offset offset) {
  const KeyHash hash = sip_hash_128(key, secret_);
  Slot& slot = slots_[slot_of(hash)];
  if (slot.offset < 0) {
    CHECK(size_ < size_max_);
    ++size_;
    slot.key = hash;
  }
  slot.offset = std::max(slot.offset, offset.value());
}

std::optional<Offset> KeyOffsets::find(ByteSpan key) const {
  const Slot& slot = slots_[slot_of(sip_hash_128(key, secret_))];
  if (slot.offset < 0) return std::nullopt;
  return Offset(slot.offset);
}

}  // namespace chronik::log
