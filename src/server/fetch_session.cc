#include "server/fetch_session.h"

#include <algorithm>
#include <limits>

#include "base/prng.h"

namespace chronik::server {

namespace {

constexpr std::int32_t kInitialEpoch = 0;
constexpr std::int32_t kFinalEpoch = -1;
constexpr std::int16_t kFirstTopicIdVersion = 13;

bool same(const SessionPartition& a, const std::string& topic, TopicId id, PartitionIndex partition) {
  return a.wanted.partition == partition && (id.is_zero() ? a.topic == topic : a.topic_id == id);
}

std::vector<SessionPartition> named(const wire::FetchRequest& request) {
  std::vector<SessionPartition> partitions;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      SessionPartition entry;
      entry.topic = topic.topic;
      entry.topic_id = topic.topic_id;
      entry.wanted = partition;
      partitions.push_back(std::move(entry));
    }
  }
  return partitions;
}

struct Key {
  std::string topic;
  TopicId id;
  PartitionIndex partition;
  auto operator<=>(const Key&) const = default;
};

/// Changes what the session fetches: named partitions are added or updated, forgotten ones removed.
void update(FetchSession& session, const wire::FetchRequest& request) {
  std::map<Key, std::size_t> places;
  if (!request.topics.empty() || !request.forgotten_topics_data.empty()) {
    for (std::size_t i = 0; i < session.partitions.size(); ++i) {
      const SessionPartition& p = session.partitions[i];
      places[Key{p.topic, p.topic_id, p.wanted.partition}] = i;
    }
  }
  for (SessionPartition& entry : named(request)) {
    const auto found = places.find(Key{entry.topic, entry.topic_id, entry.wanted.partition});
    if (found == places.end()) {
      session.partitions.push_back(std::move(entry));
    } else {
      session.partitions[found->second].wanted = entry.wanted;
    }
  }
  for (const auto& topic : request.forgotten_topics_data) {
    for (const PartitionIndex partition : topic.partitions) {
      std::erase_if(session.partitions,
                    [&](const SessionPartition& p) { return same(p, topic.topic, topic.topic_id, partition); });
    }
  }
}

}  // namespace

FetchSessionPtr FetchSessions::create(std::vector<SessionPartition> partitions, bool by_topic_id, Instant now) {
  if (slots_ == 0 || partitions.size() > kPartitionsMax) return nullptr;
  if (sessions_.size() >= slots_) {
    const auto oldest = std::ranges::min_element(
        sessions_, {}, [](const auto& item) { return std::pair(item.second->in_use, item.second->last_used); });
    if (oldest->second->in_use) return nullptr;
    sessions_.erase(oldest);
  }
  Prng prng(state_);
  auto session = std::make_shared<FetchSession>();
  do {
    state_ = prng.next();
    session->id = static_cast<std::int32_t>(state_ & std::numeric_limits<std::int32_t>::max());
  } while (session->id == 0 || sessions_.contains(session->id));
  session->by_topic_id = by_topic_id;
  session->last_used = now;
  session->partitions = std::move(partitions);
  sessions_[session->id] = session;
  return session;
}

SessionStart FetchSessions::begin(const wire::FetchRequest& request, std::int16_t version, Instant now) {
  const bool by_topic_id = version >= kFirstTopicIdVersion;
  SessionStart start;
  const bool full = request.session_epoch == kInitialEpoch || request.session_epoch == kFinalEpoch;
  if (full) {
    // A client that starts over says which session it gives up.
    if (request.session_id != 0) sessions_.erase(request.session_id);
    start.partitions = named(request);
    if (request.session_epoch == kInitialEpoch) {
      start.session = create(start.partitions, by_topic_id, now);
      if (start.session) start.partitions.clear();
    }
    return start;
  }
  const auto found = sessions_.find(request.session_id);
  if (found == sessions_.end()) {
    start.error = wire::ErrorCode::fetch_session_id_not_found;
    return start;
  }
  const FetchSessionPtr& session = found->second;
  if (session->by_topic_id != by_topic_id) {
    start.error = wire::ErrorCode::fetch_session_topic_id_error;
    return start;
  }
  if (session->epoch != request.session_epoch || session->in_use) {
    start.error = wire::ErrorCode::invalid_fetch_session_epoch;
    return start;
  }
  update(*session, request);
  session->epoch = session->epoch == std::numeric_limits<std::int32_t>::max() ? 1 : session->epoch + 1;
  session->last_used = now;
  start.session = session;
  start.incremental = true;
  return start;
}

}  // namespace chronik::server
