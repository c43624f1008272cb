// What is checked of every offset that a client commits, whatever the request.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "coord/core.h"

namespace chronik::coord {

/// `topic` is what the metadata knows; `by_id` says how the request named it. UNKNOWN_TOPIC_OR_PARTITION,
/// UNKNOWN_TOPIC_ID, OFFSET_METADATA_TOO_LARGE.
ErrorCode check_offset(Core& core, const std::optional<TopicInfo>& topic, bool by_id, PartitionIndex partition,
                       const std::optional<std::string>& metadata);

/// What records of these take, at most.
std::size_t bytes_of(const std::string& group, const std::vector<Core::NewOffset>& offsets);

}  // namespace chronik::coord
