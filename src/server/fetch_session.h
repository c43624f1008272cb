// Incremental fetch sessions (KIP-227): the server remembers which partitions a client fetches and what it last told
// it, so that requests and answers carry only what changed. Bounded: when the cache is full the session longest unused
// goes, and its client is told FETCH_SESSION_ID_NOT_FOUND and starts anew. A session lives on the shard of the
// connection that began it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "wire/messages/fetch.h"

namespace chronik::server {

/// One partition of a session, in the order the client named them.
struct SessionPartition {
  std::string topic;
  TopicId topic_id;
  wire::FetchRequest::Partition wanted;
  // What the client was last told.
  HighWatermark told_high_watermark{-1};
  LogStartOffset told_log_start{-1};
  wire::ErrorCode told_error = wire::ErrorCode::none;
};

struct FetchSession {
  std::int32_t id = 0;
  std::int32_t epoch = 1;  // expected in the next request
  bool by_topic_id = false;
  Instant last_used;
  bool in_use = false;
  std::vector<SessionPartition> partitions;
};
using FetchSessionPtr = std::shared_ptr<FetchSession>;

/// What a request means for sessions.
struct SessionStart {
  wire::ErrorCode error = wire::ErrorCode::none;
  FetchSessionPtr session;                   // null: sessionless (full answer, id 0)
  bool incremental = false;                  // answer with changes only
  std::vector<SessionPartition> partitions;  // what to fetch when sessionless
};

class FetchSessions {
 public:
  FetchSessions(std::uint64_t seed, std::size_t slots) : slots_(slots), state_(seed) {}

  /// Applies the request's session fields: creates, continues, closes.
  SessionStart begin(const wire::FetchRequest& request, std::int16_t version, Instant now);
  /// The client never learnt of it.
  void close(std::int32_t id) { sessions_.erase(id); }
  std::size_t size() const { return sessions_.size(); }

  static constexpr std::size_t kPartitionsMax = 100'000;  // of one session; more go without

 private:
  FetchSessionPtr create(std::vector<SessionPartition> partitions, bool by_topic_id, Instant now);

  std::size_t slots_;
  std::uint64_t state_;
  std::map<std::int32_t, FetchSessionPtr> sessions_;
};

}  // namespace chronik::server
