// What every record of chronik-bench carries in its first bytes, so that reading back can tell loss, duplication and
// reordering apart. Little-endian, in this order: run id (4), client (4), sequence (8), and where there is room for it
// the intended send time (8, monotonic clock of the sender).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace chronik::bench {

struct Stamp {
  std::uint32_t run;       // differs between runs, so that records of others are recognised
  std::uint32_t client;    // 0 .. clients - 1
  std::uint64_t sequence;  // counts from 0 for each (client, partition)
};
static_assert(sizeof(Stamp) == 16);

inline constexpr std::size_t kStampBytes = sizeof(Stamp);
inline constexpr std::size_t kTimedStampBytes = sizeof(Stamp) + sizeof(std::int64_t);

/// REQUIRES: kStampBytes at `to`.
inline void write_stamp(void* to, const Stamp& stamp) {
  std::memcpy(to, &stamp, sizeof stamp);
}

/// REQUIRES: kStampBytes at `from`.
inline Stamp read_stamp(const void* from) {
  Stamp stamp;
  std::memcpy(&stamp, from, sizeof stamp);
  return stamp;
}

/// REQUIRES: kTimedStampBytes at `to`.
inline void write_intended(void* to, std::int64_t intended_ns) {
  std::memcpy(static_cast<char*>(to) + sizeof(Stamp), &intended_ns, sizeof intended_ns);
}

/// REQUIRES: kTimedStampBytes at `from`.
inline std::int64_t read_intended(const void* from) {
  std::int64_t intended_ns;
  std::memcpy(&intended_ns, static_cast<const char*>(from) + sizeof(Stamp), sizeof intended_ns);
  return intended_ns;
}

}  // namespace chronik::bench
