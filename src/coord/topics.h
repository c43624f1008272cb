// What the coordinator asks of the cluster's metadata. metadata_topics.h answers from a shard's MetadataView; tests
// bring their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "task/task.h"

namespace chronik::coord {

struct TopicInfo {
  std::string name;
  TopicId id;
  std::int32_t partitions = 0;
};

class Topics {
 public:
  virtual ~Topics() = default;

  virtual std::optional<TopicInfo> find(std::string_view name) const = 0;
  virtual std::optional<TopicInfo> find(TopicId id) const = 0;
  /// Up to `limit` names of topics after `after`, in order: for walking all of them a piece at a time.
  virtual std::vector<std::string> names(std::string_view after, std::size_t limit) const = 0;
  /// Changes whenever topics or their partitions may have; never goes back.
  virtual std::int64_t version() const = 0;
  /// Makes __consumer_offsets with `partitions` partitions unless it exists; success if it does in the end.
  virtual task::Task<Status> create_offsets_topic(std::int32_t partitions, Deadline until) = 0;
};

}  // namespace chronik::coord
