#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace chronik {

std::uint32_t crc32c(ByteSpan bytes, std::uint32_t seed) {
  // ISA-L takes a mutable pointer and a 32-bit length, inverts neither at entry nor at exit.
  std::uint32_t state = ~seed;
  auto* at = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
  std::size_t left = bytes.size();
  while (left > 0) {
    const int step = left > (1U << 30) ? 1 << 30 : static_cast<int>(left);
    state = crc32_iscsi(at, step, state);
    at += step;
    left -= static_cast<std::size_t>(step);
  }
  return ~state;
}

}  // namespace chronik
