#include "env/real/direct_io.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <string>

namespace chronik::env {

namespace {

constexpr std::size_t kAlignmentMin = 4096;
constexpr std::size_t kAlignmentMax = 64 * 1024;

/// Of the disk that holds `device` (a disk or a partition); 0 if the kernel does not say.
std::size_t physical_block_bytes(unsigned major_number, unsigned minor_number) {
  const std::string base = "/sys/dev/block/" + std::to_string(major_number) + ":" + std::to_string(minor_number);
  for (const char* place : {"/queue/physical_block_size", "/../queue/physical_block_size"}) {
    std::ifstream file(base + place);
    std::size_t bytes = 0;
    if (file >> bytes) return bytes;
  }
  return 0;
}

}  // namespace

std::size_t make_direct(int fd) {
  struct statx info{};
  std::size_t alignment = kAlignmentMin;
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_DIOALIGN, &info) == 0) {
    if ((info.stx_mask & STATX_DIOALIGN) != 0) {
      if (info.stx_dio_offset_align == 0) return 1;  // the kernel knows that this file cannot
      alignment = std::max<std::size_t>({alignment, info.stx_dio_mem_align, info.stx_dio_offset_align});
    }
    alignment = std::max(alignment, physical_block_bytes(info.stx_dev_major, info.stx_dev_minor));
  }
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) return 1;
  return std::min(std::bit_ceil(alignment), kAlignmentMax);
}

}  // namespace chronik::env
