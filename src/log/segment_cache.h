// SegmentCache: bounds what the segments of one shard keep open and in memory: descriptors, and loaded indexes. Shared
// by the stores of a shard. What is used least recently goes first; what must not go (a descriptor with unsynced
// writes) is held by its segment outside the cache.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/ids.h"
#include "env/env.h"
#include "log/index.h"
#include "task/list.h"

namespace chronik::log {

struct FileTag;
struct CachedIndexTag;

/// A descriptor that may be closed at any time: an empty `file` means open it again.
struct CachedFile : task::Link<FileTag> {
  env::FilePtr file;
};

/// Where the batch with `next` as its base begins: where a sequential reader will continue.
struct ReadCursor {
  Offset next{-1};
  std::uint64_t position = 0;
};

struct CachedIndex : task::Link<CachedIndexTag> {
  SparseIndex index;
  std::unique_ptr<CachedIndex>* home = nullptr;
  std::size_t charged = 0;  // bytes counted against the cache
  bool rebuilt = false;     // made from the log itself: nothing better can be had
  std::array<ReadCursor, 4> cursors{};
  std::size_t next_cursor = 0;
};

class SegmentCache {
 public:
  explicit SegmentCache(std::size_t files_max = 256, std::size_t index_bytes_max = 16U << 20)
      : files_max_(files_max), index_bytes_max_(index_bytes_max) {}
  SegmentCache(const SegmentCache&) = delete;
  SegmentCache& operator=(const SegmentCache&) = delete;

  /// Keeps `slot.file` open, most recently used; closes others above the bound.
  void keep(CachedFile& slot);
  void touch(CachedFile& slot);
  /// Closes it, or forgets it.
  void drop(CachedFile& slot);
  /// Closes every idle one: descriptors are short.
  void drop_files();

  /// Puts `index` into `slot`, which must stay where it is; the cache empties it when memory is short.
  void keep(std::unique_ptr<CachedIndex>& slot, std::unique_ptr<CachedIndex> index);
  void touch(CachedIndex& index);
  /// It has grown.
  void recharge(CachedIndex& index);
  void drop(std::unique_ptr<CachedIndex>& slot);

  std::size_t files() const { return files_; }
  std::size_t index_bytes() const { return index_bytes_; }

 private:
  std::size_t files_max_;
  std::size_t index_bytes_max_;
  std::size_t files_ = 0;
  std::size_t index_bytes_ = 0;
  task::List<CachedFile, FileTag> file_order_;
  task::List<CachedIndex, CachedIndexTag> index_order_;
};

}  // namespace chronik::log
