// What is checked of every offset that a client commits, whatever the request.
#pragma once

#include <cstddef>
#include <memory>
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

/// That the group is served here and there is memory and room in its log for `bytes` more: waits for the room. What the
/// client is to be told, or none; append before the next suspension.
task::Task<ErrorCode> room_for_offsets(std::shared_ptr<Core> core, std::string group, std::size_t bytes,
                                       Deadline until);

/// Gives each partition of an answer that has no error of its own this one.
template <class Response>
void set_all(Response& response, ErrorCode error) {
  for (auto& topic : response.topics) {
    for (auto& partition : topic.partitions) {
      if (partition.error_code == ErrorCode::none) partition.error_code = error;
    }
  }
}

}  // namespace chronik::coord
