// What one Wal counts.
#pragma once

#include "task/metrics.h"

namespace chronik::wal {

struct WalCounters {
  explicit WalCounters(task::Metrics& metrics)
      : commits(metrics.counter("chronik_wal_commits_total", "Group commits: one write and one fsync each")),
        bytes(metrics.counter("chronik_wal_bytes_total", "Bytes written to the write-ahead log, padding included")),
        commit_microseconds(
            metrics.histogram("chronik_wal_commit_microseconds", "Write plus fsync of one group commit")),
        commit_frames(metrics.histogram("chronik_wal_commit_frames", "Frames (record batches) in one group commit")),
        commit_bytes(metrics.histogram("chronik_wal_commit_bytes", "Bytes in one group commit")) {}

  task::Counter& commits;
  task::Counter& bytes;
  task::Histogram& commit_microseconds;
  task::Histogram& commit_frames;
  task::Histogram& commit_bytes;
};

}  // namespace chronik::wal
