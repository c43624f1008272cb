#include "server/handlers/common.h"

#include <algorithm>

namespace chronik::server {

Target locate(ShardServer& server, const std::string& name, TopicId topic_id, PartitionIndex partition) {
  const meta::ImagePtr& image = server.view().image();
  const bool by_id = name.empty() && !topic_id.is_zero();
  const meta::TopicPtr topic = by_id ? image->find(topic_id) : image->find(name);
  Target target;
  if (!topic) {
    target.error = by_id ? wire::ErrorCode::unknown_topic_id : wire::ErrorCode::unknown_topic_or_partition;
    return target;
  }
  if (!topic->has(partition)) {
    target.error = wire::ErrorCode::unknown_topic_or_partition;
    return target;
  }
  target.id = {topic->id, partition};
  target.owner = server.broker().owner(target.id);
  return target;
}

wire::ErrorCode check_epoch(LeaderEpoch claimed, LeaderEpoch current) {
  if (claimed == LeaderEpoch(-1) || claimed == current) return wire::ErrorCode::none;
  return claimed < current ? wire::ErrorCode::fenced_leader_epoch : wire::ErrorCode::unknown_leader_epoch;
}

std::optional<log::Isolation> isolation_of(wire::IsolationLevel level) {
  switch (level) {
    case wire::IsolationLevel::read_uncommitted:
      return log::Isolation::uncommitted;
    case wire::IsolationLevel::read_committed:
      return log::Isolation::committed;
  }
  return std::nullopt;
}

std::optional<std::string> assignment_problem(BrokerId self, std::span<const BrokerId> replicas) {
  if (replicas.empty()) return "The manual partition assignment includes an empty replica list.";
  for (const BrokerId replica : replicas) {
    if (replica == self) continue;
    return "The manual partition assignment includes broker " + std::to_string(replica.value()) +
           ", but no such broker is registered.";
  }
  if (replicas.size() > 1) {
    return "The manual partition assignment includes the broker " + std::to_string(self.value()) + " more than once.";
  }
  return std::nullopt;
}

Deadline client_deadline(task::Context& context, std::int32_t timeout_ms) {
  constexpr std::int32_t kLongest = 300'000;
  return context.after(std::chrono::milliseconds(std::clamp(timeout_ms, 1, kLongest)));
}

}  // namespace chronik::server
