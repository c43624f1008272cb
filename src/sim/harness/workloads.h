// The workloads: each a coroutine of a client process that goes on until the world is ending. They know Kafka's
// protocol and what a client may conclude from an answer; what was wrong is for History and the checkers to say.
#pragma once

#include <vector>

#include "sim/harness/session.h"
#include "task/event.h"

namespace chronik::sim {

struct ProducerPlan {
  std::uint64_t number = 0;  // of this producer, unique in the world
  bool idempotent = true;
  bool bulk = false;  // large batches
  std::vector<PartitionName> partitions;
  Duration pause_min{};  // between two requests
  Duration pause_max{};
};

/// Several requests in flight; idempotent.
task::Task<void> pipeline_on(ClientKit kit, ProducerPlan plan);

/// A producer whose place another one takes, and who does not know: what it writes then is refused.
task::Task<void> fence(ClientKit kit, ProducerPlan plan);

/// Asks for offsets by time and by epoch, and reads in the middle of the log.
task::Task<void> inquire(ClientKit kit, std::vector<PartitionName> partitions);

/// Keeps positions in a group without members, and administers groups; `members` names a group that has some.
task::Task<void> keep_offsets(ClientKit kit, std::string members);

/// Makes a topic, uses it, deletes it, under one name again and again. `number` is unique in the world.
task::Task<void> recreate(ClientKit kit, std::uint64_t number);

/// A transactional producer on a topic of its own, and a reader of what it committed. `number` is unique in the world.
task::Task<void> transact(ClientKit kit, std::uint64_t number);

/// Keyed and un-keyed records in batches of all codecs, several partitions in one request, retries.
task::Task<void> produce_on(ClientKit kit, ProducerPlan plan);

/// Tails one partition with long polls from `from` on; goes back to the start of the log now and then.
task::Task<void> read_on(ClientKit kit, PartitionName partition);

struct MemberPlan {
  std::string group;
  std::string instance;  // static membership if not empty
  std::vector<std::string> topics;
  std::string regex;     // of the new protocol: subscribes with it if not empty; it must mean `topics`
  std::string assignor;  // of the new protocol
  bool mixed = false;    // members of the other protocol may be in the group
};

/// The broker's group.consumer.session.timeout.ms, or less.
inline constexpr Duration kConsumerSession = 6s;

/// A member of a group of the new consumer protocol: the same, and it must be alone with what it holds.
task::Task<void> consume_by_heartbeat(ClientKit kit, MemberPlan plan);

/// A member of a consumer group: joins, takes its partitions, reads, commits, leaves now and then.
task::Task<void> consume_in_group(ClientKit kit, MemberPlan plan);

/// Creates and deletes topics of its own, deletes old records of `partitions`, asks about everything.
task::Task<void> administer(ClientKit kit, std::vector<PartitionName> partitions);

/// Connects, sends a part of a request or nothing sensible at all, and never reads.
task::Task<void> misbehave(ClientKit kit, std::string topic);

/// Creates the topics of topics.h; repeats until the broker says that they exist.
task::Task<void> create_topics(ClientKit kit, std::shared_ptr<bool> done);

/// Everything in [start, end) of the partition into `into`, through the front door. `start` is the log start at the
/// time. Repeats until it is there.
struct FinalLog {
  bool complete = false;
  bool damaged = false;     // the broker says that what follows `end` is damaged
  std::uint64_t bytes = 0;  // of its batches
  std::int64_t start = -1;
  std::int64_t end = -1;
  std::map<std::int64_t, std::uint64_t> records;
};
task::Task<void> read_whole_log(ClientKit kit, PartitionName partition, std::shared_ptr<FinalLog> into);

/// One record to each partition, until all are acknowledged: the broker serves again.
task::Task<void> prove_alive(ClientKit kit, std::vector<PartitionName> partitions, std::shared_ptr<bool> done);

}  // namespace chronik::sim
