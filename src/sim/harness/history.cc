#include "sim/harness/history.h"

#include <fmt/format.h>

#include <algorithm>

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

Retention History::retention(const std::string& topic) const {
  const auto found = retention_.find(topic);
  return found == retention_.end() ? Retention{} : found->second;
}

void History::see_log_start(const PartitionName& partition, std::int64_t start, std::string_view property) {
  SeenPartition& seen = seen_[partition];
  if (start <= std::max(seen.delete_before, seen.start_judged)) return;
  if (read_broker_clock_) broker_clock_ = std::max(broker_clock_, read_broker_clock_());
  const Retention may = retention(partition.topic);
  // By size: what remains at the end is counted (check_retention.cc).
  if (may.bytes >= 0) return;
  if (may.ms < 0) {
    violate(std::string(property), fmt::format("{}: the log starts at {}, but nobody deleted beyond {}",
                                               partition.to_string(), start, seen.delete_before));
    return;
  }
  // A segment goes when its newest record is old enough, so every record in it must be.
  for (auto at = seen.records.lower_bound(seen.start_judged); at != seen.records.lower_bound(start); ++at) {
    const std::int64_t age = broker_clock_.value() - sent_[at->second].timestamp.value();
    if (at->first < seen.delete_before || age > may.ms) continue;
    violate(std::string(property),
            fmt::format("{}: the log starts at {}, but the record at {} was {} ms old at most, and is kept for {} ms",
                        partition.to_string(), start, at->first, age, may.ms));
    break;
  }
  seen.start_judged = start;
  reached("old records went by retention");
}

void History::own(const std::string& group, std::int32_t generation, const PartitionName& partition,
                  const std::string& member, Instant now) {
  auto [at, fresh] = owners_.emplace(std::tuple(group, generation, partition), member);
  if (!fresh && at->second != member && generation == 1 && !holdings.holds(group, partition, at->second, now)) {
    // A group that all have left, with nothing committed, is removed; one of its name begins anew.
    std::erase_if(owners_, [&](const auto& owner) { return std::get<0>(owner.first) == group; });
    std::tie(at, fresh) = owners_.emplace(std::tuple(group, generation, partition), member);
  }
  if (!fresh && at->second != member) {
    violate("owner", fmt::format("{} belongs to {} and to {} in generation {} of {}", partition.to_string(), at->second,
                                 member, generation, group));
  }
}

void History::committed(const std::string& group, const PartitionName& partition, std::int64_t offset,
                        bool acknowledged) {
  Committed& of = committed_[{group, partition}];
  if (acknowledged) of.highest = std::max(of.highest, offset);
  if (!acknowledged) of.uncertain.insert(offset);
}

void History::see_committed(const std::string& group, const PartitionName& partition, std::int64_t offset) {
  Committed& of = committed_[{group, partition}];
  if (offset >= of.highest || of.uncertain.contains(offset)) return;
  violate("monotone", fmt::format("group {} had committed {} of {} and now has {}", group, of.highest,
                                  partition.to_string(), offset));
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
