#include "meta/image.h"

#include <algorithm>

#include "meta/topic_name.h"

namespace chronik::meta {

bool Topic::internal() const {
  return is_internal_topic(name);
}

Image::Image(Parts parts) : parts_(std::move(parts)) {
  std::ranges::sort(parts_.topics, {}, [](const TopicPtr& topic) -> const std::string& { return topic->name; });
  std::ranges::sort(parts_.tombstones);
  by_id_.resize(parts_.topics.size());
  for (std::uint32_t i = 0; i < by_id_.size(); ++i) {
    by_id_[i] = i;
    partition_count_ += parts_.topics[i]->partition_count();
  }
  std::ranges::sort(by_id_, {}, [this](std::uint32_t i) -> const TopicId& { return parts_.topics[i]->id; });
}

TopicPtr Image::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(parts_.topics, name, {},
                                           [](const TopicPtr& topic) { return std::string_view(topic->name); });
  if (at == parts_.topics.end() || (*at)->name != name) return nullptr;
  return *at;
}

TopicPtr Image::find(TopicId id) const {
  const auto at = std::ranges::lower_bound(by_id_, id, {}, [this](std::uint32_t i) { return parts_.topics[i]->id; });
  if (at == by_id_.end() || parts_.topics[*at]->id != id) return nullptr;
  return parts_.topics[*at];
}

bool Image::is_tombstone(TopicId id) const {
  return std::ranges::binary_search(parts_.tombstones, id);
}

const ConfigMap& Image::broker_configs(BrokerId broker) const {
  static const ConfigMap none;
  const auto at = parts_.broker_configs.find(broker);
  return at == parts_.broker_configs.end() ? none : at->second;
}

}  // namespace chronik::meta
