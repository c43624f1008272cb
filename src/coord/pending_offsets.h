// Offsets that one group committed inside transactions whose end is not written yet. They are durable, and neither
// committed nor forgotten before the marker says which.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "coord/offsets.h"

namespace chronik::coord {

class PendingOffsets {
 public:
  struct Item {
    std::string topic;
    PartitionIndex partition;
    CommittedOffset offset;
  };

  void put(ProducerId producer, Item item) {
    footprint_ += size_of(item);
    by_producer_[producer].push_back(std::move(item));
  }
  /// All of one producer's, in the order in which they were written.
  std::vector<Item> take(ProducerId producer) {
    auto node = by_producer_.extract(producer);
    if (node.empty()) return {};
    for (const Item& item : node.mapped()) footprint_ -= size_of(item);
    return std::move(node.mapped());
  }
  /// Whether the committed offset may change without a further commit (KIP-447).
  bool covers(std::string_view topic, PartitionIndex partition) const {
    return std::ranges::any_of(by_producer_, [&](const auto& of_producer) {
      return std::ranges::any_of(of_producer.second,
                                 [&](const Item& item) { return item.partition == partition && item.topic == topic; });
    });
  }
  bool empty() const { return by_producer_.empty(); }
  std::size_t footprint() const { return footprint_; }

 private:
  static std::size_t size_of(const Item& item) { return sizeof item + item.topic.size() + item.offset.metadata.size(); }

  std::map<ProducerId, std::vector<Item>> by_producer_;
  std::size_t footprint_ = 0;
};

}  // namespace chronik::coord
