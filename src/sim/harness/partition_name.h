// PartitionName: a topic's name and the partition's index, as clients speak of it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace chronik::sim {

struct PartitionName {
  std::string topic;
  std::int32_t index = 0;
  auto operator<=>(const PartitionName&) const = default;
  std::string to_string() const { return topic + "-" + std::to_string(index); }
};

}  // namespace chronik::sim
