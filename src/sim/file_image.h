// The content of one simulated file: what the page cache shows and what a power cut leaves. Per page: the durable
// content, every content since, the current one. Zero pages take no memory. Pure data: no time, no callbacks.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/prng.h"

namespace chronik::sim {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kSectorBytes = 512;

/// How a power cut treats what was not synced.
enum class Loss : std::uint8_t { nothing, everything, by_chance };

class FileImage {
 public:
  /// `used` counts the pages in use on the whole disk.
  explicit FileImage(std::shared_ptr<std::uint64_t> used) : used_(std::move(used)) {}
  ~FileImage() { *used_ -= allocated_count_; }
  FileImage(const FileImage&) = delete;
  FileImage& operator=(const FileImage&) = delete;

  std::uint64_t size() const { return size_; }
  Buffer read(std::uint64_t offset, std::size_t length) const;
  /// How many bytes of the front were written: fewer than given when `pages_max` (of the disk) is reached.
  std::size_t write(std::uint64_t offset, ByteSpan bytes, std::uint64_t pages_max);
  /// False, and nothing changed, if there is no room.
  bool allocate(std::uint64_t offset, std::uint64_t length, std::uint64_t pages_max);
  void truncate(std::uint64_t size);
  /// XORs `mask` into the byte in every version of it.
  void flip(std::uint64_t offset, std::byte mask);

  /// What a sync that starts now will make durable.
  struct Snapshot;
  std::shared_ptr<Snapshot> begin_sync() const;
  void end_sync(const Snapshot& snapshot);
  /// Each page of the snapshot is on disk or not, and is clean either way: a later sync will not write it.
  void fail_sync(const Snapshot& snapshot, Prng& chance);

  /// The power cut.
  void crash(Loss loss, Prng& chance);
  /// From here on the pages count in `used`.
  void count_in(std::shared_ptr<std::uint64_t> used);

 private:
  struct Page {
    std::array<std::byte, kPageBytes> bytes;
  };
  using PagePtr = std::shared_ptr<Page>;  // null: zeros; not changed once shared, except by flip
  struct Version {
    PagePtr page;
    std::uint64_t sequence = 0;
  };
  struct State {
    Version durable;
    std::vector<Version> between;  // since durable, oldest first, without current
    Version current;
  };

  static ByteSpan bytes_of(const PagePtr& page);
  void set_page(std::uint64_t index, std::size_t at, ByteSpan bytes);
  bool is_allocated(std::uint64_t index) const { return index < allocated_.size() && allocated_[index]; }
  void mark_allocated(std::uint64_t index);
  void release_from(std::uint64_t index);
  void make_durable(State& state, const Version& version);
  void forget_if_zero(std::uint64_t index);
  PagePtr survivor(const State& state, Loss loss, Prng& chance) const;
  void cut_tail();

  std::shared_ptr<std::uint64_t> used_;
  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, State> pages_;  // those that are not zero in every version
  std::set<std::uint64_t> dirty_;
  std::vector<bool> allocated_;
  std::uint64_t allocated_count_ = 0;
};

struct FileImage::Snapshot {
  std::uint64_t size = 0;
  std::vector<std::pair<std::uint64_t, Version>> pages;
};

}  // namespace chronik::sim
