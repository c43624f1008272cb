// Direct I/O: whether an open file can do it, and with which alignment.
#pragma once

#include <cstddef>

namespace chronik::env {

/// Switches the file to direct I/O if its file system allows it. Returns the alignment in bytes for positions, sizes
/// and memory: at least 4 KiB and at least the device's physical block, so that writing one unit never makes the device
/// rewrite a neighbour; 1 if the file stays buffered.
std::size_t make_direct(int fd);

}  // namespace chronik::env
