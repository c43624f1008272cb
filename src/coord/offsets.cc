#include "coord/offsets.h"

#include "base/check.h"

namespace chronik::coord {

namespace {
constexpr std::size_t kNode = 64;  // of a map, with allocator overhead

std::size_t footprint_of(const CommittedOffset& offset) {
  return kNode + sizeof(CommittedOffset) + offset.metadata.size();
}
std::size_t footprint_of(const std::string& topic) {
  return kNode + sizeof(Offsets::Partitions) + sizeof(std::string) + topic.size();
}
}  // namespace

void Offsets::put(const std::string& topic, PartitionIndex partition, CommittedOffset offset) {
  const auto [entry, is_new_topic] = topics_.try_emplace(topic);
  if (is_new_topic) footprint_ += footprint_of(topic);
  const auto [at, is_new] = entry->second.try_emplace(partition);
  if (is_new) {
    ++count_;
  } else {
    if (at->second.position > offset.position) return;
    footprint_ -= footprint_of(at->second);
  }
  footprint_ += footprint_of(offset);
  at->second = std::move(offset);
}

void Offsets::erase(std::string_view topic, PartitionIndex partition, Offset position) {
  const auto entry = topics_.find(topic);
  if (entry == topics_.end()) return;
  const auto at = entry->second.find(partition);
  if (at == entry->second.end() || at->second.position > position) return;
  footprint_ -= footprint_of(at->second);
  --count_;
  entry->second.erase(at);
  if (!entry->second.empty()) return;
  footprint_ -= footprint_of(entry->first);
  topics_.erase(entry);
}

const CommittedOffset* Offsets::find(std::string_view topic, PartitionIndex partition) const {
  const auto entry = topics_.find(topic);
  if (entry == topics_.end()) return nullptr;
  const auto at = entry->second.find(partition);
  return at == entry->second.end() ? nullptr : &at->second;
}

void Offsets::check_invariants() const {
  std::size_t count = 0;
  std::size_t footprint = 0;
  for (const auto& [topic, partitions] : topics_) {
    CHECK(!partitions.empty());
    footprint += footprint_of(topic);
    for (const auto& [partition, offset] : partitions) {
      ++count;
      footprint += footprint_of(offset);
    }
  }
  CHECK(count == count_ && footprint == footprint_);
}

}  // namespace chronik::coord
