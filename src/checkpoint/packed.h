// Bytes as they are stored: compressed where that helps, sealed with a checksum where no hash guards them.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/result.h"

namespace chronik::checkpoint {

/// One byte that says how, then the bytes: as they are (0) or as one zstd frame (1).
std::string pack(std::string_view raw);
/// The inverse, for content of exactly `raw_bytes`; corrupt otherwise, without taking more memory than that.
Result<std::string> unpack(std::string_view packed, std::uint64_t raw_bytes);

/// With a CRC-32C behind it.
std::string seal(std::string bytes);
Result<std::string_view> unseal(std::string_view sealed);

}  // namespace chronik::checkpoint
