#include "coord/assignor.h"

#include <algorithm>
#include <ranges>

namespace chronik::coord {

namespace {

/// A partition and who has it, as positions in the input's members.
constexpr std::size_t kNobody = SIZE_MAX;

struct Owned {
  TopicId topic;
  PartitionIndex partition;
  std::size_t owner = kNobody;
};

/// The state of the uniform assignor: every partition with its owner, and what each member has.
class Balance {
 public:
  explicit Balance(const AssignmentInput& input) : input_(input), load_(input.members.size(), 0) {
    for (const auto& [topic, count] : input.partitions) {
      for (std::int32_t i = 0; i < count; ++i) partitions_.push_back({topic, PartitionIndex(i), kNobody});
    }
    for (std::size_t m = 0; m < input.members.size(); ++m) {
      for (const TopicId& topic : input.members[m].topics) subscribers_[topic].push_back(m);
    }
    keep_previous();
  }

  bool is_homogeneous() const {
    return std::ranges::all_of(input_.members,
                               [&](const auto& member) { return member.topics == input_.members.front().topics; });
  }

  /// Equal subscriptions: everyone has its share, some one more.
  void balance_equal() {
    const std::size_t members = input_.members.size();
    const std::size_t least = partitions_.size() / members;
    std::size_t extras = partitions_.size() % members;
    std::vector<std::size_t> limit(members, least);
    for (std::size_t m = 0; m < members && extras > 0; ++m) {
      if (load_[m] > least) ++limit[m], --extras;
    }
    // As in Kafka, the first of its partitions are those that a member keeps.
    for (Owned& owned : partitions_ | std::views::reverse) {
      if (owned.owner != kNobody && load_[owned.owner] > limit[owned.owner]) give(owned, kNobody);
    }
    for (std::size_t m = 0; m < members && extras > 0; ++m) {
      if (limit[m] == least) ++limit[m], --extras;
    }
    std::size_t next = 0;
    for (Owned& owned : partitions_) {
      if (owned.owner != kNobody) continue;
      while (load_[next] >= limit[next]) ++next;
      give(owned, next);
    }
  }

  /// Subscriptions differ: the least loaded subscriber gets what is free; then partitions move downhill while that
  /// evens things out. Each move lowers the sum of squares of the loads, so this ends.
  void balance_unequal() {
    for (Owned& owned : partitions_) {
      if (owned.owner == kNobody) give(owned, least_loaded(owned.topic));
    }
    for (bool moved = true; moved;) {
      moved = false;
      for (Owned& owned : partitions_) {
        const std::size_t to = least_loaded(owned.topic);
        if (to == kNobody || load_[owned.owner] < load_[to] + 2) continue;
        give(owned, to);
        moved = true;
      }
    }
  }

  Assignments result() const {
    Assignments assignments;
    for (const auto& member : input_.members) assignments.try_emplace(member.id);
    for (const Owned& owned : partitions_) {
      if (owned.owner == kNobody) continue;
      assignments.find(input_.members[owned.owner].id)->second[owned.topic].insert(owned.partition);
    }
    return assignments;
  }

 private:
  void keep_previous() {
    std::map<TopicId, std::size_t> first;  // where a topic's partitions begin
    for (std::size_t i = 0; i < partitions_.size(); ++i) first.try_emplace(partitions_[i].topic, i);
    for (std::size_t m = 0; m < input_.members.size(); ++m) {
      const auto& member = input_.members[m];
      if (member.previous == nullptr) continue;
      for (const auto& [topic, partitions] : *member.previous) {
        const auto count = input_.partitions.find(topic);
        if (count == input_.partitions.end() || !std::ranges::binary_search(member.topics, topic)) continue;
        for (const PartitionIndex partition : partitions) {
          if (partition.value() < 0 || partition.value() >= count->second) continue;
          Owned& owned = partitions_[first.at(topic) + static_cast<std::size_t>(partition.value())];
          if (owned.owner == kNobody) give(owned, m);
        }
      }
    }
  }

  void give(Owned& owned, std::size_t to) {
    if (owned.owner != kNobody) --load_[owned.owner];
    if (to != kNobody) ++load_[to];
    owned.owner = to;
  }

  std::size_t least_loaded(const TopicId& topic) const {
    const auto at = subscribers_.find(topic);
    if (at == subscribers_.end()) return kNobody;
    return *std::ranges::min_element(at->second, {}, [&](std::size_t m) { return load_[m]; });
  }

  const AssignmentInput& input_;
  std::vector<Owned> partitions_;
  std::vector<std::size_t> load_;
  std::map<TopicId, std::vector<std::size_t>> subscribers_;
};

}  // namespace

Assignments assign_uniform(const AssignmentInput& input) {
  if (input.members.empty()) return {};
  Balance balance(input);
  balance.is_homogeneous() ? balance.balance_equal() : balance.balance_unequal();
  return balance.result();
}

Assignments assign_range(const AssignmentInput& input) {
  Assignments assignments;
  std::vector<const AssignmentInput::Member*> ordered;
  for (const auto& member : input.members) {
    assignments.try_emplace(member.id);
    ordered.push_back(&member);
  }
  // Static members keep their place when they come back under another id.
  std::ranges::sort(ordered, [](const auto* a, const auto* b) {
    if (a->instance_id && b->instance_id) return *a->instance_id < *b->instance_id;
    if (a->instance_id || b->instance_id) return a->instance_id.has_value();
    return a->id < b->id;
  });
  for (const auto& [topic, count] : input.partitions) {
    std::vector<const AssignmentInput::Member*> subscribers;
    std::ranges::copy_if(ordered, std::back_inserter(subscribers),
                         [&](const auto* member) { return std::ranges::binary_search(member->topics, topic); });
    const auto members = static_cast<std::int32_t>(subscribers.size());
    std::int32_t next = 0;
    for (std::int32_t m = 0; m < members; ++m) {
      const std::int32_t share = count / members + (m < count % members ? 1 : 0);
      for (std::int32_t i = 0; i < share; ++i) {
        assignments.find(subscribers[static_cast<std::size_t>(m)]->id)->second[topic].insert(PartitionIndex(next++));
      }
    }
  }
  return assignments;
}

Assignor find_assignor(std::string_view name) {
  if (name == "uniform") return &assign_uniform;
  if (name == "range") return &assign_range;
  return nullptr;
}

}  // namespace chronik::coord
