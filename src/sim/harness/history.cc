#include "sim/harness/history.h"

#include <fmt/format.h>

namespace chronik::sim {

std::uint64_t History::send(SentRecord record) {
  sent_.push_back(std::move(record));
  return sent_.size() - 1;
}

void History::see(const PartitionName& partition, std::int64_t offset, std::uint64_t number) {
  const auto [at, fresh] = seen_[partition].records.emplace(offset, number);
  if (!fresh && at->second != number) {
    violate("agreement", fmt::format("{}: offset {} was record {} for one reader and record {} for another",
                                     partition.to_string(), offset, at->second, number));
  }
}

void History::own(const std::string& group, std::int32_t generation, const PartitionName& partition,
                  const std::string& member) {
  const auto [at, fresh] = owners_.emplace(std::tuple(group, generation, partition), member);
  if (!fresh && at->second != member) {
    violate("owner", fmt::format("{} belongs to {} and to {} in generation {} of {}", partition.to_string(), at->second,
                                 member, generation, group));
  }
}

void History::violate(std::string property, std::string what) {
  constexpr std::size_t kViolationsMax = 100;
  if (violations_.size() < kViolationsMax) violations_.push_back({std::move(property), std::move(what)});
}

void History::note(Instant at, std::string what) {
  timeline_.push_back(fmt::format("{:12.6f} {}", static_cast<double>(at.ns) / 1e9, what));
  if (timeline_.size() > timeline_max_) timeline_.pop_front();
}

}  // namespace chronik::sim
