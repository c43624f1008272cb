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

std::optional<FileName> parse_file_name(const std::string& name) {
  unsigned long long generation = 0;
  unsigned shard = 0;
  unsigned long long number = 0;
  if (std::sscanf(name.c_str(), "%16llx-%x-%llx.wal", &generation, &shard, &number) != 3) return {};
  const FileName parsed{Generation(generation), ShardId(shard), number};
  if (file_name(parsed.generation, parsed.shard, parsed.number) != name) return {};
  return parsed;
}

}  // namespace chronik::wal
