#include "checkpoint/chunker.h"

#include <algorithm>
#include <array>

#include "base/prng.h"

namespace chronik::checkpoint {

namespace {

constexpr std::size_t kAverage = 2048;
// Harder to match before the average, easier behind it: sizes gather there.
constexpr std::uint64_t kMaskBefore = 0x0000d90303510000;  // 12 bits, spread: they depend on 48 bytes
constexpr std::uint64_t kMaskBehind = 0x0000d90003510000;  // 10 bits

constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  Prng prng(0x63686b70);  // part of the format of nothing: another table only finds fewer chunks again
  for (auto& word : gear) word = prng.next();
  return gear;
}
constexpr auto kGear = make_gear();

std::size_t cut(std::string_view bytes) {
  if (bytes.size() <= kChunkMin) return bytes.size();
  const std::size_t end = std::min(bytes.size(), kChunkMax);
  const std::size_t normal = std::min(end, kAverage);
  std::uint64_t hash = 0;
  std::size_t at = kChunkMin;
  for (; at < normal; ++at) {
    hash = (hash << 1) + kGear[static_cast<unsigned char>(bytes[at])];
    if ((hash & kMaskBefore) == 0) return at + 1;
  }
  for (; at < end; ++at) {
    hash = (hash << 1) + kGear[static_cast<unsigned char>(bytes[at])];
    if ((hash & kMaskBehind) == 0) return at + 1;
  }
  return end;
}

}  // namespace

std::vector<std::string_view> split(std::string_view payload) {
  std::vector<std::string_view> chunks;
  chunks.reserve(payload.size() / kAverage + 1);
  while (!payload.empty()) {
    const std::size_t length = cut(payload);
    chunks.push_back(payload.substr(0, length));
    payload.remove_prefix(length);
  }
  return chunks;
}

}  // namespace chronik::checkpoint
