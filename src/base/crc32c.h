// CRC-32C (Castagnoli, RFC 3720 appendix B.4): record batches, WAL groups, checkpoint records. Hardware speed by ISA-L.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace chronik {

/// Checksum of `bytes`; chain pieces by passing the result so far as `seed`.
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t seed = 0);

}  // namespace chronik
