// Content-defined chunks (FastCDC: Xia et al., USENIX ATC 2016): where a chunk ends depends on the bytes around only,
// so that a change in the middle leaves the chunks before and behind as they were.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace chronik::checkpoint {

inline constexpr std::size_t kChunkMin = 512;
inline constexpr std::size_t kChunkMax = 8 * 1024;

/// `payload` in pieces of 512 bytes to 8 KiB, about 2 on average; the last may be shorter.
std::vector<std::string_view> split(std::string_view payload);

}  // namespace chronik::checkpoint
