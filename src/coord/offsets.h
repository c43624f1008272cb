// The committed offsets of one group, as far as they are durable.
//
// Invariant: of two commits for one partition the one later in __consumer_offsets wins, in whatever order they are
// told: each entry remembers its own position there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace chronik::coord {

struct CommittedOffset {
  Offset offset;
  LeaderEpoch leader_epoch{-1};
  std::string metadata;
  UnixMillis committed_at;
  UnixMillis expires_at{-1};  // explicit (OffsetCommit 2-4); -1: by the broker's retention
  TopicId topic_id;           // zero in records of old
  Offset position;            // of the record in __consumer_offsets
};

class Offsets {
 public:
  using Partitions = std::map<PartitionIndex, CommittedOffset>;
  using Topics = std::map<std::string, Partitions, std::less<>>;

  /// Unless something newer is there.
  void put(const std::string& topic, PartitionIndex partition, CommittedOffset offset);
  /// By a tombstone at `position`.
  void erase(std::string_view topic, PartitionIndex partition, Offset position);
  /// Null if nothing was committed.
  const CommittedOffset* find(std::string_view topic, PartitionIndex partition) const;

  const Topics& topics() const { return topics_; }
  bool empty() const { return topics_.empty(); }
  std::size_t count() const { return count_; }
  /// Memory held, about.
  std::size_t footprint() const { return footprint_; }
  void check_invariants() const;

 private:
  Topics topics_;
  std::size_t count_ = 0;
  std::size_t footprint_ = 0;
};

}  // namespace chronik::coord
