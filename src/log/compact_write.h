// CleanedWriter: writes one compacted segment beside the old ones, as <base>.*.cleaned, and syncs it.
#pragma once

#include <vector>

#include "log/compact_filter.h"
#include "log/segment.h"

namespace chronik::log {

class CleanedWriter {
 public:
  /// `target` takes the place of segments from its base to its end.
  CleanedWriter(SegmentIo io, SegmentPtr target) : io_(std::move(io)), target_(std::move(target)) {}

  task::Task<Status> open();
  task::Task<Status> add(std::vector<KeptBatch> batches);
  /// Everything is on disk, directory entries excepted, and `target` describes it.
  task::Task<Status> finish();
  std::uint64_t bytes() const { return position_ + pending_bytes_; }

 private:
  task::Task<Status> flush();
  task::Task<Status> write_beside(std::string_view suffix, Buffer content);

  SegmentIo io_;
  SegmentPtr target_;
  env::FilePtr file_;
  std::uint64_t position_ = 0;
  std::vector<Buffer> pending_;
  std::uint64_t pending_bytes_ = 0;
  IndexBuilder builder_;
  SparseIndex index_;
};

/// "<base><suffix>.cleaned" with its directory.
std::string cleaned_path(const Segment& segment, std::string_view suffix);

}  // namespace chronik::log
