#include "checkpoint/uuid.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace chronik::checkpoint {

namespace {

using Bytes = std::array<std::uint8_t, 16>;

// The 122 bits that are free, as two words: 48 bits of time and 12 of chance; 62 of chance.
struct Free {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

constexpr std::uint64_t kLowMask = (1ULL << 62) - 1;
constexpr std::uint64_t kHighMask = (1ULL << 60) - 1;

Bytes pack(const Free& free) {
  const std::uint64_t high = (free.high >> 12) << 16 | 7ULL << 12 | (free.high & 0xfff);
  const std::uint64_t low = 2ULL << 62 | free.low;
  Bytes bytes;
  store_be(reinterpret_cast<std::byte*>(bytes.data()), high);
  store_be(reinterpret_cast<std::byte*>(bytes.data()) + 8, low);
  return bytes;
}

Free unpack(const Bytes& bytes) {
  const auto high = load_be<std::uint64_t>(reinterpret_cast<const std::byte*>(bytes.data()));
  const auto low = load_be<std::uint64_t>(reinterpret_cast<const std::byte*>(bytes.data()) + 8);
  return {(high >> 16) << 12 | (high & 0xfff), low & kLowMask};
}

Bytes fresh(Surroundings& world, Time at, const Bytes& after) {
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(at.time_since_epoch().count(), 0));
  Free free{((ms << 12) | (world.entropy() & 0x7ff)) & kHighMask, world.entropy() & kLowMask};
  const Free last = unpack(after);
  if (free.high < last.high || (free.high == last.high && free.low <= last.low)) {
    // The same millisecond, or a clock that went back: a step of chance behind the last.
    free.high = last.high;
    free.low = last.low + 1 + (world.entropy() & 0xffffffff);
    if (free.low > kLowMask) {
      free.low &= kLowMask;
      ++free.high;
    }
  }
  return pack(free);
}

std::string print(const Bytes& bytes) {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

Result<Bytes> parse(std::string_view text) {
  Bytes bytes{};
  const auto bad = [&] { return fail(Errc::invalid_argument, "not an id: " + std::string(text.substr(0, 64))); };
  if (text.size() != 36) return bad();
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return bad();
      continue;
    }
    int value = -1;
    if (c >= '0' && c <= '9') value = c - '0';
    if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
    if (value < 0) return bad();
    bytes[digits / 2] = static_cast<std::uint8_t>(bytes[digits / 2] << 4 | value);
    ++digits;
  }
  return bytes;
}

}  // namespace

CheckpointId next_id(Surroundings& world, Time at, const CheckpointId& after) {
  return {fresh(world, at, after.bytes)};
}
SessionId new_session_id(Surroundings& world) {
  return {fresh(world, world.now(), {})};
}

std::string to_string(const SessionId& id) {
  return print(id.bytes);
}
std::string to_string(const CheckpointId& id) {
  return print(id.bytes);
}
Result<SessionId> parse_session_id(std::string_view text) {
  TRY(const Bytes bytes, parse(text));
  return SessionId{bytes};
}
Result<CheckpointId> parse_checkpoint_id(std::string_view text) {
  TRY(const Bytes bytes, parse(text));
  return CheckpointId{bytes};
}

}  // namespace chronik::checkpoint
