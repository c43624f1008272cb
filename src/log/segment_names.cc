#include "log/segment_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace chronik::log {
namespace {
constexpr std::size_t kDigits = 20;
constexpr std::size_t kNameBytesMax = 255;  // NAME_MAX
}  // namespace

std::string segment_file_name(Offset base, std::string_view suffix) {
  return fmt::format("{:020}{}", base.value(), suffix);
}

std::optional<SegmentFileName> parse_segment_file_name(std::string_view name) {
  if (name.size() <= kDigits || name[kDigits] != '.') return std::nullopt;
  std::int64_t base = 0;
  const char* const end = name.data() + kDigits;
  const auto parsed = std::from_chars(name.data(), end, base);
  if (parsed.ec != std::errc() || parsed.ptr != end || base < 0) return std::nullopt;
  return SegmentFileName{Offset(base), name.substr(kDigits)};
}

std::string partition_directory_name(std::string_view topic, PartitionIndex partition) {
  return fmt::format("{}-{}", topic, partition.value());
}

std::string deleted_directory_name(std::string_view topic, const TopicPartition& id) {
  const std::string tail = fmt::format("-{}.{}{}", id.partition.value(), id.topic.to_string(), kDeletedDirectorySuffix);
  return std::string(topic.substr(0, kNameBytesMax - tail.size())) + tail;
}

bool is_partition_directory_name(std::string_view name) {
  if (name.ends_with(kDeletedDirectorySuffix)) return true;
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0 || dash + 1 == name.size()) return false;
  return std::ranges::all_of(name.substr(dash + 1), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_partition_file_name(std::string_view name) {
  if (parse_segment_file_name(name)) return true;
  if (name.ends_with(kTemporarySuffix)) name.remove_suffix(kTemporarySuffix.size());
  return name == kMetadataFile || name == kEpochFile;
}

std::string partition_metadata_text(const TopicId& id) {
  return fmt::format("version: 0\ntopic_id: {}\n", id.to_string());
}

Result<TopicId> parse_partition_metadata(std::string_view text) {
  constexpr std::string_view kStart = "version: 0\ntopic_id: ";
  if (!text.starts_with(kStart) || !text.ends_with('\n')) return fail(Errc::corrupt, "partition.metadata");
  auto id = TopicId::parse(text.substr(kStart.size(), text.size() - kStart.size() - 1));
  if (!id) return fail(Errc::corrupt, "partition.metadata");
  return id;
}

}  // namespace chronik::log
