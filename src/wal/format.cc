#include "wal/format.h"

#include <cstddef>
#include <cstdio>

#include "base/crc32c.h"

namespace chronik::wal {

namespace {
template <class Header>
std::uint32_t checksum(const Header& header) {
  return crc32c(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, crc)));
}
}  // namespace

void seal(FileHeader& header) {
  header.crc = checksum(header);
}
void seal(GroupHeader& header) {
  header.crc = checksum(header);
}
bool holds(const FileHeader& header) {
  return header.magic == kFileMagic && header.crc == checksum(header);
}
bool holds(const GroupHeader& header) {
  return header.magic == kGroupMagic && header.crc == checksum(header);
}

std::string file_name(Generation generation, ShardId shard, std::uint64_t number) {
  char text[64];
  std::snprintf(text, sizeof text, "%016llx-%04x-%08llx.wal", static_cast<unsigned long long>(generation.value()),
                shard.value(), static_cast<unsigned long long>(number));
  return text;
}

}  // namespace chronik::wal
