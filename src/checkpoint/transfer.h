// Export lines: JSON Lines, one of the session, one per checkpoint, one that ends it with a hash of all before.
// Version 1.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/model.h"

namespace chronik::checkpoint {

inline constexpr std::uint64_t kExportVersion = 1;

std::string header_line(const SessionInfo& info, std::uint64_t since);
std::string checkpoint_line(const Checkpoint& checkpoint, std::string_view payload);
std::string end_line(std::uint64_t checkpoints, const Digest& hash);

struct ExportLine {
  enum class Kind : std::uint8_t { header, checkpoint, end } kind = Kind::header;
  SessionRow row;         // of a header
  Checkpoint checkpoint;  // of a checkpoint; its hash and its payload's were checked
  std::string payload;
  std::uint64_t checkpoints = 0;  // of the end
  Digest hash{};
};
/// corrupt for what a export would not write, unsupported for a newer version; `payload_bytes_max` bounds what is
/// decoded.
Result<ExportLine> parse_line(std::string_view line, std::uint64_t payload_bytes_max);

}  // namespace chronik::checkpoint
