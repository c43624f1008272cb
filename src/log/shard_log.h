// ShardLog: the logs of all partitions of one shard: their shared write-ahead log, the flusher that moves tails into
// files and releases write-ahead log files, the checkpoint record, retention. One background coroutine does all file
// work of the shard, so appends, syncs and removals of one partition never overlap; partitions among themselves are
// flushed in parallel. Compaction, which may take long, is another, so that flushing never waits for it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/partition.h"
#include "log/segment_cache.h"
#include "wal/wal.h"

namespace chronik::log {

struct ShardLogOptions {
  std::string directory;  // the log directory: partition directories, wal/, checkpoint records
  wal::Options wal;
  Duration retention_check = 5min;
  Duration compaction_backoff = 15s;  // between two rounds
  Duration flush_idle = 10s;          // dirty and idle for so long: flushed anyway
  std::int64_t producer_expiration_ms = 86'400'000;
  std::size_t flush_parallel = 16;          // partitions at a time
  std::size_t files_max = 256;              // idle segment files kept open, whatever the number of partitions
  std::size_t index_bytes_max = 64U << 20;  // loaded indexes
};

/// What recovery found for one partition.
struct RecoveredPartition {
  std::optional<PartitionCheckpoint> record;
  std::vector<wal::ReplayedFrame> frames;
};

struct PartitionSpec {
  std::string topic;
  TopicPartition id;
  LeaderEpoch epoch;
  LogConfig config;
};

class ShardLog {
 public:
  static task::Task<Result<std::unique_ptr<ShardLog>>> open(task::Context& context, ShardLogOptions options);
  ~ShardLog();

  /// Null if there is none on this shard.
  PartitionPtr find(const TopicPartition& id) const;
  /// Nothing is touched on disk before its first flush.
  PartitionPtr create(const PartitionSpec& spec);
  /// The same for a partition with a past. Before serving.
  task::Task<Result<PartitionPtr>> create_recovered(const PartitionSpec& spec, RecoveredPartition past);
  /// Removes the partition; its files go in the background.
  void remove(const TopicPartition& id);
  const std::map<TopicPartition, PartitionPtr>& partitions() const { return partitions_; }

  /// All tails into files, then the checkpoint record; the deadline bounds the wait.
  task::Task<Status> flush_all(Deadline until);
  /// A reason for retention to look again at once (DeleteRecords, a changed configuration).
  void request_retention();

  /// Flushes, commits what is reserved, seals. On a failed directory it gives up at once.
  task::Task<Status> close(Deadline until);

  wal::Wal& wal() { return *wal_; }
  /// Set once, sticky: the directory is offline.
  const std::optional<Error>& failure() const { return wal_->failure(); }
  /// Tails are on their way into files.
  bool flushing() const { return flushing_; }
  bool disk_full() const { return flush_disk_full_ || wal_->stats().disk_full; }
  const std::string& directory() const { return options_.directory; }
  const ShardLogOptions& options() const { return options_; }
  const SegmentCache& cache() const { return *cache_; }
  void check_invariants() const;

 private:
  ShardLog(task::Context& context, ShardLogOptions options);
  task::Task<void> run();
  task::Task<Status> flush_round(wal::GroupSequence cut);
  task::Task<Status> flush_partitions(wal::GroupSequence cut);
  task::Task<void> flush_worker(std::shared_ptr<struct FlushRound> round);
  void flush_ended(const Status& status);
  task::Task<Status> write_checkpoint();
  task::Task<void> retention_round();
  task::Task<void> compaction_round();
  void add(const TopicPartition& id, PartitionPtr partition);
  task::Task<void> destroy_removed();
  bool wants_flush() const;
  bool dirty() const;
  Deadline stall() const { return context_.after(options_.wal.stall_deadline); }

  task::Context& context_;
  ShardLogOptions options_;
  std::shared_ptr<SegmentCache> cache_;  // of all partitions
  std::size_t flush_parallel_;           // one while descriptors are short
  std::unique_ptr<wal::Wal> wal_;
  std::map<TopicPartition, PartitionPtr> partitions_;       // in the order in which they are flushed
  std::unordered_map<TopicPartition, PartitionPtr> by_id_;  // the same, for the path of every request
  std::vector<PartitionPtr> removed_;
  task::Event work_;
  task::Event done_;
  task::Counter& flush_rounds_;
  task::Histogram& flush_microseconds_;
  task::Counter& compacted_records_;
  Instant next_retention_{};
  Instant next_removal_{};  // after one that wanted for descriptors
  wal::GroupSequence last_seen_durable_{0};
  std::uint64_t flush_requested_ = 0;
  std::uint64_t flush_done_ = 0;
  Status flush_status_;
  bool flushing_ = false;
  bool flush_disk_full_ = false;
  bool closing_ = false;
  bool running_ = false;
  bool compacting_ = false;
  bool compaction_due_ = false;  // something was flushed, or grew old
  Instant next_compaction_{};
};

}  // namespace chronik::log
