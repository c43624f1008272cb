// MetadataState: the deterministic state machine behind the metadata log. The same commands in the same order give the
// same state and the same outcomes, on every machine and after every replay: apply() reads no clock, no chance and no
// configuration. What depends on those is checked by the proposer before a command is made. Shard 0 only.
#pragma once

#include <map>
#include <set>
#include <string>

#include "meta/command.h"
#include "meta/image.h"

namespace chronik::meta {

class MetadataState {
 public:
  /// `index` is greater than that of the command before.
  Outcome apply(Index index, const Command& command);

  /// A picture of now: O(topics) shared pointers.
  ImagePtr image() const;

  /// The snapshot, canonical: equal states have equal bytes. docs/formats/metadata-log.md.
  Buffer encode() const;
  /// corrupt for anything that encode() does not give.
  static Result<MetadataState> decode(ByteSpan bytes);

  bool operator==(const MetadataState& other) const;

 private:
  friend Status check_invariants(const MetadataState& state);

  struct Apply;  // one overload for each command

  ItemOutcome create(const NewTopic& topic, UnixMillis at);
  ItemOutcome erase(TopicId id);
  ItemOutcome grow(const PartitionCount& change);
  ItemOutcome alter(const TopicConfigChange& change);
  void insert(TopicPtr topic);
  void replace(TopicPtr topic);

  Index index_;
  std::string cluster_id_;
  wal::LogId log_id_;
  std::map<std::string, TopicPtr, std::less<>> topics_;
  std::map<TopicId, TopicPtr> by_id_;
  std::map<std::string, std::string, std::less<>> collisions_;  // collision key -> name
  std::int64_t partition_count_ = 0;
  std::set<TopicId> tombstones_;
  std::map<BrokerId, ConfigMap> broker_configs_;
  std::int64_t next_producer_id_ = 0;
  std::uint64_t generation_ = 0;
};

/// What holds after every command; corrupt with a sentence otherwise. For tests, the simulator and decode().
Status check_invariants(const MetadataState& state);

}  // namespace chronik::meta
