// Names and small text files of a partition's directory, as Apache Kafka writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace chronik::log {

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kSummarySuffix = ".summary";  // ours: see segment_summary.h
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";
inline constexpr std::string_view kTemporarySuffix = ".tmp";
inline constexpr std::string_view kMetadataFile = "partition.metadata";
inline constexpr std::string_view kEpochFile = "leader-epoch-checkpoint";
inline constexpr std::string_view kDeletedDirectorySuffix = "-delete";

/// Every file of one segment, the log last.
inline constexpr std::string_view kSegmentSuffixes[] = {kIndexSuffix, kTimeIndexSuffix, kSummarySuffix, kLogSuffix};

/// 20 digits and `suffix`.
std::string segment_file_name(Offset base, std::string_view suffix);

struct SegmentFileName {
  Offset base;
  std::string_view suffix;  // from the first dot on, such as ".log" or ".log.deleted"
};
/// nullopt if `name` is not 20 digits, a dot and more. The result views `name`.
std::optional<SegmentFileName> parse_segment_file_name(std::string_view name);

/// "<topic>-<partition>".
std::string partition_directory_name(std::string_view topic, PartitionIndex partition);
/// "<topic>-<partition>.<topic id>-delete"; the topic is cut so that the name stays within 255 bytes.
std::string deleted_directory_name(std::string_view topic, const TopicPartition& id);

/// Whether a directory of that name may be a partition's, live or deleted; what else lies in a data directory is not
/// ours.
bool is_partition_directory_name(std::string_view name);
/// Whether a file of that name may be in a partition's directory.
bool is_partition_file_name(std::string_view name);

std::string partition_metadata_text(const TopicId& id);
Result<TopicId> parse_partition_metadata(std::string_view text);

}  // namespace chronik::log
