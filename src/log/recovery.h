// Recovery: what earlier generations left in a log directory, read once at start-up on one shard and handed to the
// shards that own the partitions now, so the shard count may change between runs. Time is bounded by the write-ahead
// log's cap, not by the data.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "log/shard_log.h"

namespace chronik::log {

struct Recovered {
  std::map<TopicPartition, RecoveredPartition> partitions;
  wal::ReplayReport report;
  std::vector<std::string> checkpoint_files;  // to be replaced by ours
};

/// Reads all checkpoint records (the newest generation wins, partition by partition) and replays all write-ahead logs.
/// corrupt if acknowledged data is damaged; then nothing is changed. `first_start` says that the metadata knows of no
/// earlier start: only then may records be missing.
task::Task<Result<Recovered>> recover_directory(task::Context& context, std::string directory, wal::LogId log_id,
                                                wal::Generation generation, bool first_start, Duration stall);

/// Before serving: writes one consolidated record, removes records of other shards, half-deleted directories and those
/// whose contents no record vouches for. `known` says whether a topic id exists.
task::Task<Status> consolidate(task::Context& context, std::string directory, wal::Generation generation,
                               Recovered& recovered, std::function<bool(const TopicPartition&)> known, Duration stall);

}  // namespace chronik::log
