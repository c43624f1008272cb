#include "log/segment_cache.h"

namespace chronik::log {

void SegmentCache::keep(CachedFile& slot) {
  CHECK(slot.file && !slot.linked());
  file_order_.push_back(slot);
  ++files_;
  while (files_ > files_max_ && &file_order_.front() != &slot) drop(file_order_.front());
}

void SegmentCache::touch(CachedFile& slot) {
  if (!slot.linked()) return;
  slot.unlink();
  file_order_.push_back(slot);
}

void SegmentCache::drop(CachedFile& slot) {
  if (slot.linked()) {
    slot.unlink();
    --files_;
  }
  slot.file.reset();
}

void SegmentCache::drop_files() {
  while (!file_order_.empty()) drop(file_order_.front());
}

void SegmentCache::keep(std::unique_ptr<CachedIndex>& slot, std::unique_ptr<CachedIndex> index) {
  drop(slot);
  slot = std::move(index);
  slot->home = &slot;
  index_order_.push_back(*slot);
  recharge(*slot);
}

void SegmentCache::touch(CachedIndex& index) {
  index.unlink();
  index_order_.push_back(index);
}

void SegmentCache::recharge(CachedIndex& index) {
  const std::size_t bytes = sizeof(index) + index.index.memory_bytes();
  index_bytes_ += bytes - index.charged;
  index.charged = bytes;
  // The one in use stays, however large: without it nothing could be read.
  while (index_bytes_ > index_bytes_max_ && &index_order_.front() != &index) drop(*index_order_.front().home);
}

void SegmentCache::drop(std::unique_ptr<CachedIndex>& slot) {
  if (!slot) return;
  slot->unlink();
  index_bytes_ -= slot->charged;
  slot.reset();
}

}  // namespace chronik::log
